package mdev.linux;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;

/** Signals the eventfds of a client. Any thread. */
public sealed interface Signaller permits AioContext, SignalThread {
    /**
     * What {@link #signal} takes, for an eventfd.
     *
     * @param allocator of the eventfd: its memory is closed with it
     * @throws LinuxException EAGAIN: there is no thread for it
     */
    MemorySegment request(SegmentAllocator allocator, int eventfd) throws LinuxException;

    /**
     * Adds 1 to the count of the eventfd, without waiting and without allocating.
     *
     * @throws IllegalStateException the kernel takes no requests any more; or the memory of the request is closed
     */
    void signal(MemorySegment request) throws Throwable;

    /** To be called before the eventfd is closed, when no signal follows. */
    void forget(MemorySegment request);

    /** The client has gone, and its eventfds are closed. */
    void end();
}
