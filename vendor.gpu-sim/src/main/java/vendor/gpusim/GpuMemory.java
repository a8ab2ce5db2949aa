package vendor.gpusim;

import java.util.concurrent.atomic.AtomicLong;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;

/** The memory of the GPU that no vGPU has. */
final class GpuMemory {
    private final long total;

    /** Never negative: concurrent creates cannot take more than there is. */
    private final AtomicLong free;

    GpuMemory(long total) {
        this.total = total;
        this.free = new AtomicLong(total);
    }

    long total() {
        return total;
    }

    long free() {
        return free.get();
    }

    /**
     * Takes memory. Pairs with {@link #give}.
     *
     * @throws ErrnoException ENOSPC: there is not so much left
     */
    void take(long bytes) throws ErrnoException {
        long before;
        do {
            before = free.get();
            if (before < bytes) {
                throw new ErrnoException(
                        Errno.ENOSPC,
                        "%d of %d MiB are free, %d are needed".formatted(before >> 20, total >> 20, bytes >> 20));
            }
        } while (!free.compareAndSet(before, before - bytes));
    }

    void give(long bytes) {
        free.addAndGet(bytes);
    }
}
