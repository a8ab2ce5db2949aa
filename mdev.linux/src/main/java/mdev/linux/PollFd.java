package mdev.linux;

import static java.lang.foreign.MemoryLayout.structLayout;
import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemoryLayout.PathElement;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.lang.foreign.StructLayout;
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
    private static final StructLayout LAYOUT =
            structLayout(JAVA_INT.withName("fd"), JAVA_SHORT.withName("events"), JAVA_SHORT.withName("revents"));
    private static final long FD = LAYOUT.byteOffset(PathElement.groupElement("fd"));
    private static final long EVENTS = LAYOUT.byteOffset(PathElement.groupElement("events"));
    private static final long REVENTS = LAYOUT.byteOffset(PathElement.groupElement("revents"));

    private static final MethodHandle POLL =
            Libc.function("poll", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT));

    private PollFd() {}

    static MemorySegment of(SegmentAllocator allocator, int fd, int events) {
        MemorySegment pollFd = allocator.allocate(LAYOUT);
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
