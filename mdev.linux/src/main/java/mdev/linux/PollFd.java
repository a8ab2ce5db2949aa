package mdev.linux;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.lang.invoke.MethodHandle;

/**
 * One descriptor to poll.
 *
 * <pre>
 * struct pollfd {        // include/uapi/asm-generic/poll.h
 *     int   fd;
 *     short events;
 *     short revents;
 * };
 * </pre>
 */
final class PollFd {
    private static final long BYTES = 8;
    private static final long FD = 0;
    private static final long EVENTS = 4;
    private static final long REVENTS = 6;

    private static final MethodHandle POLL =
            Libc.function("poll", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT));

    private PollFd() {}

    static MemorySegment of(SegmentAllocator allocator, int fd, int events) {
        MemorySegment pollFd = allocator.allocate(BYTES, JAVA_INT.byteAlignment());
        pollFd.set(JAVA_INT, FD, fd);
        pollFd.set(JAVA_SHORT, EVENTS, (short) events);
        return pollFd;
    }

    static int revents(MemorySegment pollFd) {
        return pollFd.get(JAVA_SHORT, REVENTS);
    }

    static int poll(MemorySegment state, MemorySegment pollFd, int milliseconds) throws Throwable {
        return (int) POLL.invokeExact(state, pollFd, 1L, milliseconds);
    }
}
