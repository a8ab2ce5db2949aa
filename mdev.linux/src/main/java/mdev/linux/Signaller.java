package mdev.linux;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;

/** Signals the eventfds of a client. Thread-safe. */
public sealed interface Signaller permits AioContext, SignalThread {
    /**
     * Creates the argument of {@link #signal} for an eventfd.
     *
     * @param allocator the eventfd's allocator: the memory is closed with the eventfd
     * @throws LinuxException EAGAIN: no thread is available for it
     */
    MemorySegment request(SegmentAllocator allocator, int eventfd) throws LinuxException;

    /**
     * Adds 1 to the count of the eventfd, without waiting and without allocating.
     *
     * @throws IllegalStateException the kernel accepts no more requests, or the request's memory is closed
     */
    void signal(MemorySegment request) throws Throwable;

    /** Called after the last signal, before the eventfd is closed. */
    void forget(MemorySegment request);

    /** Called when the client has disconnected and its eventfds are closed. */
    void end();
}
