package mdev.api.vfio;

import org.jspecify.annotations.Nullable;

/**
 * {@code VFIO_IOMMU_UNMAP_DMA}; answered by {@link Reply}. When it returns no device reaches the memory any more: DMA under way has ended, pages are unpinned,
 * and every view that a vendor had is dead.
 *
 * <p>type1 ({@code vfio_dma_do_unmap}): EINVAL for unknown flags, a size of 0, a range that is not page aligned or wraps, a dirty bitmap that is missing, too small, of another
 * page size or asked for while tracking is off, {@link #ALL} with an address, a size or a bitmap. Version 1 unmaps whole
 * mappings whose first page is in the range; version 2 refuses with EINVAL to cut a mapping. sPAPR: EPERM before it is enabled, EINVAL for any flag or a wrong alignment, ENXIO outside of all windows.
 *
 * @param flags {@link #GET_DIRTY_BITMAP}, {@link #ALL}
 * @param iova the first address, unsigned
 * @param size in bytes, unsigned
 * @param bitmap where the pages written since the last report go, with {@link #GET_DIRTY_BITMAP}
 */
public record UnmapDma(
        int flags, long iova, long size, @Nullable DirtyBitmap bitmap) implements IoctlRequest {
    public static final int GET_DIRTY_BITMAP = 1;

    /** Unmaps everything; {@code iova} and {@code size} are 0. */
    public static final int ALL = 1 << 1;

    /** Unmaps a range. */
    public UnmapDma(long iova, long size) {
        this(0, iova, size, null);
    }

    /** Unmaps everything. */
    public static UnmapDma all() {
        return new UnmapDma(ALL, 0, 0, null);
    }

    /** @param size how many bytes were unmapped; 0 where nothing was mapped */
    public record Reply(long size) implements IoctlReply {}
}
