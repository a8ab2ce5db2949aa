package vfio.mdev.iommu;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.DmaAccess;
import mdev.api.vfio.SpaprRegisterMemory;
import mdev.api.vfio.SpaprUnregisterMemory;
import mdev.api.vfio.UserMemory;
import vfio.mdev.iommu.memory.Location;
import vfio.mdev.iommu.memory.MemoryRef;
import vfio.mdev.iommu.memory.UserMemories;

/**
 * The memory registered by a version 2 user ({@code tce_container.prereg_list}), which it can map. Guarded by the lock
 * of {@link SpaprIommu}.
 */
final class SpaprMemory {
    /** Bounds the memory a user can consume, as RLIMIT_MEMLOCK does in the kernel. */
    private static final int MAX_REGIONS = 4096;

    private final UserMemories memories;
    private final List<Region> regions = new ArrayList<>();

    private record Region(Location location, long size, MemoryRef memory) {
        boolean is(Location other, long otherSize) {
            return location.equals(other) && size == otherSize;
        }

        boolean overlaps(Location other, long otherSize) {
            return location.space().equals(other.space())
                    && Long.compareUnsigned(location.start(), other.start() + otherSize - 1) <= 0
                    && Long.compareUnsigned(other.start(), location.start() + size - 1) <= 0;
        }

        boolean contains(Location other, long otherSize) {
            long offset = other.start() - location.start();
            return location.space().equals(other.space())
                    && Long.compareUnsigned(offset, size) < 0
                    && Long.compareUnsigned(otherSize, size - offset) <= 0;
        }
    }

    SpaprMemory(UserMemories memories) {
        this.memories = memories;
    }

    /** {@code tce_iommu_register_pages()} and {@code mm_iommu_new()}. */
    void register(SpaprRegisterMemory request) throws ErrnoException {
        check(request.flags(), request.memory(), request.size());
        // Also for writing, as the kernel pins it.
        MemoryRef memory = memories.open(request.memory(), request.size(), true);
        Location location = memory.memory().location();
        try {
            if (regions.size() == MAX_REGIONS) {
                throw new ErrnoException(Errno.ENOMEM, "the limit is " + MAX_REGIONS + " registered regions");
            }
            for (Region region : regions) {
                if (region.is(location, request.size())) {
                    throw new ErrnoException(Errno.EBUSY, "the memory is already registered");
                }
                if (region.overlaps(location, request.size())) {
                    throw new ErrnoException(Errno.EINVAL, "a part of the memory is already registered");
                }
            }
        } catch (ErrnoException e) {
            memory.release();
            throw e;
        }
        regions.add(new Region(location, request.size(), memory));
    }

    /** {@code tce_iommu_unregister_pages()}. */
    void unregister(SpaprUnregisterMemory request) throws ErrnoException {
        check(request.flags(), request.memory(), request.size());
        Location location = memories.locate(request.memory());
        for (Iterator<Region> all = regions.iterator(); all.hasNext(); ) {
            Region region = all.next();
            if (region.is(location, request.size())) {
                if (region.memory.isShared()) {
                    throw new ErrnoException(Errno.EBUSY, "the memory is mapped");
                }
                all.remove();
                region.memory.release();
                return;
            }
        }
        throw new ErrnoException(Errno.ENOENT, "no region with this address and size is registered");
    }

    private static void check(int flags, UserMemory memory, long size) throws ErrnoException {
        long start = Location.start(memory);
        if (flags != 0
                || size == 0
                || ((start | size) & (DmaAccess.PAGE_SIZE - 1)) != 0
                || Long.compareUnsigned(start + size - 1, start) < 0) {
            UserMemories.discard(memory);
            throw new ErrnoException(Errno.EINVAL, "unsupported flags, or not a multiple of the page size");
        }
    }

    /**
     * Creates mappings of registered memory. Each page of the window must lie in one region
     * ({@code mm_iommu_lookup()}), but adjacent regions may be combined.
     *
     * @param memory always consumed, even on failure
     * @throws ErrnoException EINVAL: a part of it is not registered
     */
    List<DmaMapping> map(UserMemory memory, long first, long size, int prot, long pageSize) throws ErrnoException {
        Location location = memories.locate(memory);
        List<DmaMapping> parts = new ArrayList<>();
        for (long done = 0; done < size; ) {
            Location at = location.plus(done);
            Region region = regions.stream()
                    .filter(candidate -> candidate.contains(at, pageSize))
                    .findFirst()
                    .orElse(null);
            if (region == null) {
                parts.forEach(DmaMapping::discard);
                throw new ErrnoException(Errno.EINVAL, "the memory is not registered");
            }
            long offset = at.start() - region.location.start();
            long length = Math.min(size - done, (region.size - offset) & -pageSize);
            parts.add(new DmaMapping(
                    first + done, first + done + length - 1, prot, region.memory.retain(), offset, memories.numbers()));
            done += length;
        }
        return parts;
    }

    void release() {
        regions.forEach(region -> region.memory.release());
        regions.clear();
    }
}
