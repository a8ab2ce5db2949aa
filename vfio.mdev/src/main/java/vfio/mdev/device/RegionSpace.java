package vfio.mdev.device;

import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;

/**
 * Bounds the address space that the region memories of all devices take in this process. The memories are sparse, so a
 * device with a large memory costs nothing until it is used; but the JVM aborts when it runs out of address space.
 * Thread-safe.
 */
public final class RegionSpace {
    /** The monitor guards both. */
    private long used;

    private long most = Long.MAX_VALUE;

    /** @param bytes the limit for memories created later */
    public synchronized void limit(long bytes) {
        most = bytes;
    }

    /**
     * Pairs with {@link #give}.
     *
     * @throws ErrnoException ENOMEM: the limit would be exceeded
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
