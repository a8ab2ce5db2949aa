package mdev.api.vfio;

import org.jspecify.annotations.Nullable;

/**
 * {@code VFIO_IOMMU_UNMAP_DMA}; replies with {@link Reply}. Once it has returned, no device can access the memory: DMA
 * in progress has ended, pages are unpinned, and every vendor's view is invalid.
 *
 * <p>type1 ({@code vfio_dma_do_unmap}): EINVAL for unknown flags, a size of 0, a range that is not page aligned or
 * wraps, a dirty bitmap that is missing, too small, of another page size or requested while tracking is off, and {@link
 * #ALL} with an address, a size or a bitmap. Version 1 unmaps whole mappings whose first page is in the range; version
 * 2 rejects a range that cuts a mapping with EINVAL. sPAPR: EPERM before it is enabled, EINVAL for any flag or a wrong
 * alignment, ENXIO outside of all windows.
 *
 * @param flags {@link #GET_DIRTY_BITMAP}, {@link #ALL}
 * @param iova the first address, unsigned
 * @param size the size in bytes, unsigned
 * @param bitmap receives the pages written since the last report, with {@link #GET_DIRTY_BITMAP}
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

    /** @param size the number of bytes unmapped; 0 if nothing was mapped */
    public record Reply(long size) implements IoctlReply {}
}
