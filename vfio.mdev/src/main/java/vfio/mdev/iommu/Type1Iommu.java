package vfio.mdev.iommu;

import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Optional;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.DirtyBitmap;
import mdev.api.vfio.DirtyPages;
import mdev.api.vfio.DmaAccess;
import mdev.api.vfio.DmaAttachment;
import mdev.api.vfio.DmaLoggingReport;
import mdev.api.vfio.IoctlReply;
import mdev.api.vfio.IoctlRequest;
import mdev.api.vfio.Iommu;
import mdev.api.vfio.IommuCapability;
import mdev.api.vfio.IommuGetInfo;
import mdev.api.vfio.IommuInfo;
import mdev.api.vfio.IommuState;
import mdev.api.vfio.MapDma;
import mdev.api.vfio.UnmapDma;
import mdev.sync.BoundedCalls;
import org.jspecify.annotations.Nullable;
import vfio.mdev.iommu.memory.Location;
import vfio.mdev.iommu.memory.MemoryRef;
import vfio.mdev.iommu.memory.UserMemories;

/**
 * An address space of {@code drivers/vfio/vfio_iommu_type1.c} for mediated devices only: it programs no hardware and
 * accesses no page before a device requests it.
 */
final class Type1Iommu implements Iommu {
    /** {@code dma_entry_limit}. */
    static final int MAX_MAPPINGS = 65_535;

    /** {@code PAGE_MASK}: every multiple of the page size can be mapped. */
    private static final long IOVA_PGSIZES = -DmaAccess.PAGE_SIZE;

    /** {@code DIRTY_BITMAP_SIZE_MAX}. */
    private static final long MAX_BITMAP = 1L << 28;

    private final String name;
    private final boolean v2;
    private final AddressSpace.AtBorder atBorder;
    private final UserMemories memories;
    private final AddressSpace space;

    /** @param v2 rejects splitting a mapping, and allows pinning */
    Type1Iommu(String name, boolean v2, UserMemories memories, BoundedCalls notifierCalls) {
        this.name = name;
        this.v2 = v2;
        this.atBorder = v2 ? AddressSpace.AtBorder.REFUSE : AddressSpace.AtBorder.TAKE_BY_FIRST_PAGE;
        this.memories = memories;
        this.space =
                new AddressSpace(v2 ? AddressSpace.Pinning.ALLOWED : AddressSpace.Pinning.FORBIDDEN, notifierCalls);
    }

    @Override
    public int checkExtension(int extension) {
        return Type1Driver.checkExtension(extension, true);
    }

    @Override
    public void attachGroup(int group) {}

    @Override
    public void detachGroup(int group) {}

    @Override
    public DmaAttachment attachDevice(String vendor) {
        return space.attach(vendor);
    }

    @Override
    public Optional<IommuState> state() {
        return Optional.of(space.state(name));
    }

    @Override
    public IoctlReply ioctl(IoctlRequest request) throws ErrnoException {
        return switch (request) {
            case IommuGetInfo _ -> info();
            case MapDma map -> map(map);
            case UnmapDma unmap -> unmap(unmap);
            case DirtyPages dirty -> dirtyPages(dirty);
            case DmaLoggingReport(var iova, var length, var bitmap) when v2 -> report(iova, length, bitmap, false);
            default -> {
                UserMemories.discard(request);
                throw new ErrnoException(Errno.ENOTTY);
            }
        };
    }

    @Override
    public void release() {
        try {
            space.evict(0, -1, atBorder, List.of());
        } catch (ErrnoException e) {
            throw new IllegalStateException(e); // the whole address space splits no mapping
        }
    }

    private IommuInfo info() {
        return new IommuInfo(
                IommuInfo.PGSIZES | IommuInfo.CAPS,
                IOVA_PGSIZES,
                List.of(
                        new IommuCapability.Migration(0, DmaAccess.PAGE_SIZE, MAX_BITMAP),
                        new IommuCapability.DmaAvail(
                                MAX_MAPPINGS - space.mappings().count())));
    }

    /** {@code vfio_dma_do_map()}. */
    private IoctlReply map(MapDma map) throws ErrnoException {
        long last = map.iova() + map.size() - 1;
        try {
            checkMap(map, last);
            space.checkFree(map.iova(), last, MAX_MAPPINGS); // checked before opening the memory
        } catch (ErrnoException e) {
            UserMemories.discard(map.memory());
            throw e;
        }
        boolean writable = (map.flags() & MapDma.WRITE) != 0;
        MemoryRef memory = memories.open(map.memory(), map.size(), writable);
        try {
            space.insert(new DmaMapping(map.iova(), last, map.flags(), memory, 0, memories.numbers()), MAX_MAPPINGS);
        } catch (ErrnoException e) {
            memory.release();
            throw e;
        }
        return IoctlReply.DONE;
    }

    private static void checkMap(MapDma map, long last) throws ErrnoException {
        if ((map.flags() & ~(MapDma.READ | MapDma.WRITE)) != 0 || map.flags() == 0) {
            throw new ErrnoException(
                    Errno.EINVAL, "flags 0x" + Integer.toHexString(map.flags()) + ", must be READ, WRITE or both");
        }
        long start = Location.start(map.memory());
        checkAligned(map.iova() | map.size() | start);
        if (map.size() == 0
                || Long.compareUnsigned(last, map.iova()) < 0
                || Long.compareUnsigned(start + map.size() - 1, start) < 0) {
            throw new ErrnoException(Errno.EINVAL, "the size is 0, or the range exceeds the address space");
        }
    }

    /** {@code vfio_dma_do_unmap()}. */
    private IoctlReply unmap(UnmapDma unmap) throws ErrnoException {
        boolean all = unmap.flags() == UnmapDma.ALL;
        boolean report = unmap.flags() == UnmapDma.GET_DIRTY_BITMAP;
        if (unmap.flags() != 0 && !all && !report) {
            throw new ErrnoException(Errno.EINVAL, "flags 0x" + Integer.toHexString(unmap.flags()));
        }
        if (all && (unmap.iova() != 0 || unmap.size() != 0)) {
            throw new ErrnoException(Errno.EINVAL, "UNMAP_FLAG_ALL requires address 0 and size 0");
        }
        long first = unmap.iova();
        long last = all ? -1 : lastOf(first, unmap.size());
        DirtyBitmap bitmap = report ? cleared(unmap.bitmap(), unmap.size()) : null;
        if (report && !space.isTracking()) {
            throw new ErrnoException(Errno.EINVAL, "dirty page tracking is off");
        }
        List<DmaMapping> gone = space.evict(first, last, atBorder, List.of());
        long size = 0;
        for (DmaMapping mapping : gone) {
            DirtyLog log = mapping.dirty();
            if (bitmap != null && log != null) {
                log.drain(bitmap.data(), (mapping.first() - first) >>> AddressSpace.PAGE_SHIFT, 0, mapping.pages() - 1);
            }
            size += mapping.size();
        }
        return new UnmapDma.Reply(size);
    }

    /** {@code vfio_iommu_type1_dirty_pages()}. */
    private IoctlReply dirtyPages(DirtyPages dirty) throws ErrnoException {
        if (!v2) {
            throw new ErrnoException(Errno.EACCES, "version 1 does not support dirty page tracking");
        }
        switch (dirty.flags()) {
            case DirtyPages.START -> space.startTracking();
            case DirtyPages.STOP -> space.stopTracking();
            case DirtyPages.GET_BITMAP -> report(dirty.iova(), dirty.size(), dirty.bitmap(), true);
            default -> throw new ErrnoException(Errno.EINVAL, "flags must be one of START, STOP and GET_BITMAP");
        }
        return IoctlReply.DONE;
    }

    /** @param uncut whether a range that cuts a mapping is EINVAL */
    private IoctlReply report(long iova, long size, @Nullable DirtyBitmap bitmap, boolean uncut) throws ErrnoException {
        long last = lastOf(iova, size);
        if (!space.isTracking()) {
            throw new ErrnoException(Errno.EINVAL, "dirty page tracking is off");
        }
        if (uncut) {
            AddressSpace.checkUncut(space.mappings(), iova, last);
        }
        space.report(iova, last, cleared(bitmap, size), uncut);
        return IoctlReply.DONE;
    }

    private static long lastOf(long first, long size) throws ErrnoException {
        checkAligned(first | size);
        long last = first + size - 1;
        if (size == 0 || Long.compareUnsigned(last, first) < 0) {
            throw new ErrnoException(Errno.EINVAL, "the size is 0, or the range exceeds the address space");
        }
        return last;
    }

    private static void checkAligned(long bits) throws ErrnoException {
        if ((bits & (DmaAccess.PAGE_SIZE - 1)) != 0) {
            throw new ErrnoException(Errno.EINVAL, "address or size is not a multiple of " + DmaAccess.PAGE_SIZE);
        }
    }

    /** {@code verify_bitmap_size()}; also clears the bits of the range, which checks that they are writable. */
    private static DirtyBitmap cleared(@Nullable DirtyBitmap bitmap, long size) throws ErrnoException {
        if (bitmap == null || bitmap.pgsize() != DmaAccess.PAGE_SIZE) {
            throw new ErrnoException(Errno.EINVAL, "a bitmap with page size " + DmaAccess.PAGE_SIZE + " is required");
        }
        MemorySegment data = bitmap.data();
        long needed = DirtyBitmap.bytes(size >>> AddressSpace.PAGE_SHIFT);
        if (data.byteSize() < needed || data.byteSize() > MAX_BITMAP) {
            throw new ErrnoException(Errno.EINVAL, "the bitmap has " + data.byteSize() + " bytes, needs " + needed);
        }
        try {
            data.asSlice(0, needed).fill((byte) 0);
        } catch (IllegalArgumentException | IllegalStateException | WrongThreadException e) {
            throw new ErrnoException(Errno.EFAULT, "the bitmap is not writable");
        }
        return bitmap;
    }
}
