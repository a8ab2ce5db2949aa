package vfio.mdev.iommu;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.locks.LockSupport;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The segments that one vendor has of one mapping. Made when it first asks: closing an arena makes all threads of the process
 * check themselves, and 65,535 of those take seconds.
 */
final class Views {
    private static final Logger LOG = LoggerFactory.getLogger(Views.class);
    private static final long RETRY_NANOS = 100_000;
    private static final long NEVER = Long.MAX_VALUE;

    private final Arena arena = Arena.ofShared();
    private final MemorySegment bytes;
    private final Runnable closed;

    /**
     * @param bytes of the mapping, from memory that outlives {@code closed}
     * @param closed runs once, when no access is possible any more
     */
    @SuppressWarnings("restricted") // only shortens the life of bytes
    Views(MemorySegment bytes, Runnable closed) {
        MemorySegment view = bytes.reinterpret(bytes.byteSize(), arena, null);
        this.bytes = bytes.isReadOnly() ? view.asReadOnly() : view;
        this.closed = closed;
    }

    MemorySegment of(long offset, long length, boolean writable) {
        MemorySegment view = bytes.asSlice(offset, length);
        return writable ? view : view.asReadOnly();
    }

    /**
     * Makes all segments throw. A system call that a vendor made on one is waited for; one that outlasts the deadline is left behind, with
     * the memory.
     */
    void close(long deadline, String vendor) {
        if (!closeUntil(deadline)) {
            LOG.warn(
                    "{} is in a system call on memory that is being unmapped; it stays mapped until that returns",
                    vendor);
            Thread.ofPlatform().daemon().name("vfio-unmap-left-behind").start(() -> closeUntil(NEVER));
        }
    }

    private boolean closeUntil(long deadline) {
        while (true) {
            try {
                arena.close();
                break;
            } catch (IllegalStateException e) { // in use by a system call
                if (deadline != NEVER && System.nanoTime() - deadline >= 0) {
                    return false;
                }
                LockSupport.parkNanos(RETRY_NANOS);
            }
        }
        closed.run();
        return true;
    }
}
