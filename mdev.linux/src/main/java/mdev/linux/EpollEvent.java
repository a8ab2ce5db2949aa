package mdev.linux;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;

/**
 * One epoll event, requested or reported.
 *
 * <pre>
 * struct epoll_event {      // include/uapi/linux/eventpoll.h
 *     __poll_t events;
 *     __u64    data;
 * } EPOLL_PACKED;           // on x86-64 only: there the 64-bit kernel keeps the 32-bit layout
 * </pre>
 */
final class EpollEvent {
    private static final long EVENTS = 0;
    private static final long DATA = Arch.CURRENT.packedEpollEvent() ? 4 : 8;
    private static final long SIZE = DATA + Long.BYTES;

    private EpollEvent() {}

    static MemorySegment array(SegmentAllocator allocator, int count) {
        return allocator.allocate(count * SIZE, JAVA_LONG.byteAlignment());
    }

    static void set(MemorySegment event, int events, long data) {
        event.set(JAVA_INT, EVENTS, events);
        event.set(JAVA_LONG_UNALIGNED, DATA, data);
    }

    static int events(MemorySegment array, int i) {
        return array.get(JAVA_INT, i * SIZE + EVENTS);
    }

    static long data(MemorySegment array, int i) {
        return array.get(JAVA_LONG_UNALIGNED, i * SIZE + DATA);
    }

    static void copy(MemorySegment array, int from, int to) {
        MemorySegment.copy(array, from * SIZE, array, to * SIZE, SIZE);
    }
}
