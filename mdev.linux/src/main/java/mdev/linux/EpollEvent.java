package mdev.linux;

import static java.lang.foreign.MemoryLayout.paddingLayout;
import static java.lang.foreign.MemoryLayout.structLayout;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;

import java.lang.foreign.MemoryLayout.PathElement;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;

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
    static final StructLayout LAYOUT = Arch.CURRENT.packedEpollEvent
            ? structLayout(JAVA_INT.withName("events"), JAVA_LONG_UNALIGNED.withName("data"))
            : structLayout(JAVA_INT.withName("events"), paddingLayout(4), JAVA_LONG.withName("data"));
    private static final long SIZE = LAYOUT.byteSize();
    private static final long EVENTS = LAYOUT.byteOffset(PathElement.groupElement("events"));
    private static final long DATA = LAYOUT.byteOffset(PathElement.groupElement("data"));

    private EpollEvent() {}

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
