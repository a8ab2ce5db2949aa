package mdev.linux;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.lang.invoke.MethodHandle;
import java.time.Duration;

/**
 * {@code eventfd(2)}: a counter that one side adds to and the other side reads or polls; an interrupt, for VFIO.
 *
 * <p>Owns its descriptor. {@link #signal} and {@link #close} may be called by any thread at any time: the arena that
 * holds the bytes to write is closed before the descriptor, so a late signal can never write into a file that got its
 * number. One thread at a time reads or waits.
 *
 * <p>For eventfds created by this process: a peer that shares an eventfd can make it blocking. An eventfd created by a
 * peer is a {@link PeerEventFd}.
 */
public final class EventFd implements AutoCloseable {
    private static final int EFD_CLOEXEC = 02000000;
    private static final int EFD_NONBLOCK = 04000;

    private static final MethodHandle EVENTFD =
            Libc.function("eventfd", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT));
    private static final MethodHandle READ =
            Libc.plain("read", FunctionDescriptor.of(JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG));
    private static final MethodHandle WRITE =
            Libc.plain("write", FunctionDescriptor.ofVoid(JAVA_INT, ADDRESS, JAVA_LONG));

    /** {@code preadv2(2)} does not block, regardless of the descriptor's flags. */
    private static final int RWF_NOWAIT = 8;

    private static final MethodHandle PREADV2 = Libc.function(
            "preadv2", FunctionDescriptor.of(JAVA_LONG, JAVA_INT, ADDRESS, JAVA_INT, JAVA_LONG, JAVA_INT));

    private final Fd fd;
    private final int number;

    private final CallArena arena = new CallArena();
    private final MemorySegment one = arena.allocate(JAVA_LONG);
    private final MemorySegment count = arena.allocate(JAVA_LONG);

    /** For {@link #take}: a {@code struct iovec} and its 8 bytes, which are never read. */
    private final MemorySegment taken = vector(arena);

    private EventFd(Fd fd) {
        this.fd = fd;
        this.number = fd.number();
        one.set(JAVA_LONG, 0, 1);
    }

    /** What {@link #take(int, MemorySegment)} takes. */
    static MemorySegment vector(SegmentAllocator allocator) {
        MemorySegment vector = allocator.allocate(3 * JAVA_LONG.byteSize(), JAVA_LONG.byteAlignment());
        vector.set(ADDRESS, 0, vector.asSlice(2 * JAVA_LONG.byteSize()));
        vector.set(JAVA_LONG, JAVA_LONG.byteSize(), Long.BYTES);
        return vector;
    }

    /** Creates an eventfd with the count 0. */
    public static EventFd create() throws LinuxException {
        long number = Libc.call("eventfd", state -> (int) EVENTFD.invokeExact(state, 0, EFD_CLOEXEC | EFD_NONBLOCK));
        return new EventFd(Fd.of(number));
    }

    /** The descriptor, to be passed to a peer or registered with {@link Epoll}; it stays owned here. */
    public Fd fd() {
        return fd;
    }

    /**
     * Adds 1 to the count. Never blocks, allocates nothing, and does nothing once closed. A full counter is not an
     * error: the reader has not read the earlier signals either.
     */
    public void signal() {
        if (arena.isClosing()) {
            return;
        }
        try {
            // The only possible error is EAGAIN, a full counter: the number is an open eventfd.
            WRITE.invokeExact(number, one, (long) Long.BYTES);
        } catch (Throwable t) {
            unlessClosed(t);
        }
    }

    /**
     * Reads the count and resets it. Never blocks, allocates nothing.
     *
     * @return the signals since the last read, 0 if there are none or it is closed
     */
    public long read() {
        if (arena.isClosing()) {
            return 0;
        }
        try {
            long n = (long) READ.invokeExact(number, count, (long) Long.BYTES);
            return n == Long.BYTES ? count.get(JAVA_LONG, 0) : 0;
        } catch (Throwable t) {
            unlessClosed(t);
            return 0;
        }
    }

    /**
     * Resets the count. Never blocks, even if a peer that shares the eventfd has made it blocking or reads it first.
     *
     * @return whether the count was not 0; false when closed
     * @throws LinuxException EOPNOTSUPP: Linux before 5.8
     */
    public boolean take() throws LinuxException {
        if (arena.isClosing()) {
            return false;
        }
        try {
            return take(number, taken);
        } catch (IllegalStateException e) {
            unlessClosed(e);
            return false;
        }
    }

    /** As {@link #take()}, of any eventfd. */
    static boolean take(int eventfd, MemorySegment vector) throws LinuxException {
        try {
            return Libc.call("preadv2", state -> (long) PREADV2.invokeExact(state, eventfd, vector, 1, -1L, RWF_NOWAIT))
                    == Long.BYTES;
        } catch (LinuxException e) {
            if (e.errno() == LinuxErrno.EAGAIN) {
                return false;
            }
            throw e;
        }
    }

    /**
     * Waits until the count is not 0, without reading it.
     *
     * @return false on timeout; a concurrent close does not end the wait
     */
    public boolean await(Duration timeout) throws LinuxException {
        return Poll.await(fd, Poll.POLLIN, timeout) != 0;
    }

    /** Closes the descriptor as soon as no {@link #signal} is writing to it. Idempotent. */
    @Override
    public void close() {
        if (arena.beginClose()) {
            arena.close("eventfd " + fd, fd::close);
        }
    }

    /** Ignores the failure of a call that was late and found the arena closed. */
    private void unlessClosed(Throwable t) {
        if (!arena.isLate(t)) {
            throw Libc.unexpected(t);
        }
    }
}
