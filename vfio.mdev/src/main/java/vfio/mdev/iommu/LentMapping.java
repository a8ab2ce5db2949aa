package vfio.mdev.iommu;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import mdev.linux.CallArena;
import mdev.sync.Deadline;

/**
 * The segments of one mapping held by one vendor. Created on first request: closing an arena is a handshake with all
 * threads of the process, and 65,535 of them take seconds.
 */
final class LentMapping {
    private final Arena arena = Arena.ofShared();
    private final MemorySegment bytes;
    private final Runnable closed;

    /**
     * @param bytes the mapping's memory, which must outlive {@code closed}
     * @param closed runs once, when no further access is possible
     */
    @SuppressWarnings("restricted") // only shortens the lifetime of bytes
    LentMapping(MemorySegment bytes, Runnable closed) {
        MemorySegment view = bytes.reinterpret(bytes.byteSize(), arena, null);
        this.bytes = bytes.isReadOnly() ? view.asReadOnly() : view;
        this.closed = closed;
    }

    MemorySegment of(long offset, long length, boolean writable) {
        MemorySegment view = bytes.asSlice(offset, length);
        return writable ? view : view.asReadOnly();
    }

    /**
     * Invalidates all segments. Waits until the deadline for a vendor's system call on a segment; if it is still
     * running then, the memory is freed after it returns.
     */
    void close(Deadline deadline, String vendor) {
        CallArena.close(arena, "the memory lent to " + vendor, closed, deadline.remaining());
    }
}
