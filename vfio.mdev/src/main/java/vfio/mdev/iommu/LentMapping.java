package vfio.mdev.iommu;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import mdev.sync.BoundedCalls;
import mdev.sync.Deadline;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The segments of one mapping held by one vendor. Created on first request: closing an arena is a handshake with all
 * threads of the process, and 65,535 of them take seconds.
 */
final class LentMapping {
    private static final Logger LOG = LoggerFactory.getLogger(LentMapping.class);
    private static final Duration RETRY = Duration.ofNanos(100_000);
    private static final Duration LATE_RETRY = Duration.ofMillis(100);
    /** Longer than the process lives: after the deadline no caller waits for the close. */
    private static final Duration LIFETIME = Duration.ofDays(36_500);

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
        if (deadline.poll(RETRY, this::tryClose)) {
            return;
        }
        LOG.warn("{} is in a system call on memory being unmapped; it stays mapped until the call returns", vendor);
        var call = BoundedCalls.tryStartAlone(
                "unmapping what " + vendor + " left behind",
                () -> Deadline.in(LIFETIME).poll(LATE_RETRY, this::tryClose));
        if (call == null) {
            LOG.warn("the memory held by {} remains mapped: no thread could be started to unmap it", vendor);
        }
    }

    /** Called by one thread at a time. */
    private boolean tryClose() {
        try {
            arena.close();
        } catch (IllegalStateException e) { // in use by a system call
            return false;
        }
        closed.run();
        return true;
    }
}
