package vfio.mdev.iommu;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import mdev.sync.BoundedCalls;
import mdev.sync.Deadline;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The segments that one vendor has of one mapping. Made when it first asks: closing an arena makes all threads of the
 * process check themselves, and 65,535 of those take seconds.
 */
final class LentMapping {
    private static final Logger LOG = LoggerFactory.getLogger(LentMapping.class);
    private static final Duration RETRY = Duration.ofNanos(100_000);
    private static final Duration LATE_RETRY = Duration.ofMillis(100);
    /** Of the process: after the deadline nobody waits any more. */
    private static final Duration LIFETIME = Duration.ofDays(36_500);

    private final Arena arena = Arena.ofShared();
    private final MemorySegment bytes;
    private final Runnable closed;

    /**
     * @param bytes of the mapping, from memory that outlives {@code closed}
     * @param closed runs once, when no access is possible any more
     */
    @SuppressWarnings("restricted") // only shortens the life of bytes
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
     * Makes all segments throw. A system call that a vendor makes on one is waited for; after the deadline it keeps the
     * memory, until it returns.
     */
    void close(Deadline deadline, String vendor) {
        if (deadline.poll(RETRY, this::tryClose)) {
            return;
        }
        LOG.warn("{} is in a system call on memory that is being unmapped; it stays mapped until that returns", vendor);
        var call = new BoundedCalls("vfio-unmap-left-behind")
                .tryStart(
                        "unmapping what " + vendor + " left behind",
                        () -> Deadline.in(LIFETIME).poll(LATE_RETRY, this::tryClose));
        if (call == null) {
            LOG.warn("the memory that {} holds stays mapped: no thread can be started to unmap it", vendor);
        }
    }

    /** By one thread at a time. */
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
