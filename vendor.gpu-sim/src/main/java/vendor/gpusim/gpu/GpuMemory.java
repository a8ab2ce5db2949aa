package vendor.gpusim.gpu;

import java.util.HashMap;
import java.util.Map;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;

/**
 * The allocation of a GPU's memory. Thread-safe; the monitor guards two invariants: allocated and free memory add up to
 * the total, and a homogeneous GPU has vGPUs of one type only.
 */
final class GpuMemory {
    private final long total;
    private long free;
    private boolean homogeneous;

    /** Instance count per type, without zeros. */
    private final Map<VgpuType, Integer> instances = new HashMap<>();

    GpuMemory(long total) {
        this.total = total;
        this.free = total;
    }

    long total() {
        return total;
    }

    synchronized long free() {
        return free;
    }

    synchronized boolean homogeneous() {
        return homogeneous;
    }

    /**
     * Whether all vGPUs at a time must be of one type.
     *
     * @throws ErrnoException EBUSY: vGPUs of several types exist
     */
    synchronized void homogeneous(boolean value) throws ErrnoException {
        if (value && instances.size() > 1) {
            throw new ErrnoException(
                    Errno.EBUSY, "the GPU has vGPUs of " + instances.size() + " types: remove some first");
        }
        homogeneous = value;
    }

    /** The number of vGPUs of a type that can currently be created. */
    synchronized int available(VgpuType type) {
        return excluded(type) ? 0 : (int) (free / type.memory());
    }

    /**
     * Allocates the memory of a vGPU. Pairs with {@link #give}.
     *
     * @throws ErrnoException ENOSPC: not enough free memory, or the GPU is homogeneous with another type
     */
    synchronized void take(VgpuType type) throws ErrnoException {
        if (excluded(type)) {
            throw new ErrnoException(Errno.ENOSPC, "the GPU is homogeneous and has vGPUs of another type");
        }
        if (free < type.memory()) {
            throw new ErrnoException(
                    Errno.ENOSPC,
                    "%d of %d MiB are free, %d are needed".formatted(free >> 20, total >> 20, type.memory() >> 20));
        }
        free -= type.memory();
        instances.merge(type, 1, Integer::sum);
    }

    synchronized void give(VgpuType type) {
        free += type.memory();
        instances.computeIfPresent(type, (_, count) -> count == 1 ? null : count - 1);
    }

    private boolean excluded(VgpuType type) {
        return homogeneous && !instances.isEmpty() && !instances.containsKey(type);
    }
}
