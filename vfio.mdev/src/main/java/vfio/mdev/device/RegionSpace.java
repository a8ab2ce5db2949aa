package vfio.mdev.device;

import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;

/**
 * The address space of this process that the memories of all devices' regions take. They are sparse, so that a device
 * with much memory costs nothing until it is used; but without address space the JVM ends. Thread-safe.
 */
public final class RegionSpace {
    /** The monitor guards both. */
    private long used;

    private long most = Long.MAX_VALUE;

    /** @param bytes for memories that are created from now on */
    public synchronized void limit(long bytes) {
        most = bytes;
    }

    /**
     * Pairs with {@link #give}.
     *
     * @throws ErrnoException ENOMEM: it would be more than the limit
     */
    synchronized void take(long bytes) throws ErrnoException {
        if (bytes > most - used) {
            throw new ErrnoException(
                    Errno.ENOMEM,
                    "%d MiB of region memory beside %d MiB: vfio.mdev.maxRegionMemory is %d MiB for all devices"
                            .formatted(bytes >> 20, used >> 20, most >> 20));
        }
        used += bytes;
    }

    synchronized void give(long bytes) {
        used -= bytes;
    }
}
