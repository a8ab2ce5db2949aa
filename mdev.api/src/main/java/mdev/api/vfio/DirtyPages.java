package mdev.api.vfio;

import org.jspecify.annotations.Nullable;

/**
 * {@code VFIO_IOMMU_DIRTY_PAGES}: tracks the pages that devices write; answered by {@link IoctlReply#DONE}.
 *
 * <p>A report contains the pages written since the previous report and clears them. Pages that a vendor has pinned for
 * writing are in every report. Errors ({@code vfio_iommu_type1_dirty_pages}): EACCES on a version 1 container; EINVAL
 * for unknown flags or not exactly one flag; for a report also EINVAL while tracking is off, for a range that is empty,
 * wraps, is not aligned or cuts a mapping, and for a bitmap that is missing, too small or of another page size.
 *
 * @param flags one of {@link #START}, {@link #STOP}, {@link #GET_BITMAP}
 * @param iova the first address of the report's range, unsigned
 * @param size the size of the report's range in bytes, unsigned
 * @param bitmap receives the report
 */
public record DirtyPages(
        int flags, long iova, long size, @Nullable DirtyBitmap bitmap) implements IoctlRequest {
    public static final int START = 1;
    public static final int STOP = 1 << 1;
    public static final int GET_BITMAP = 1 << 2;

    public static DirtyPages start() {
        return new DirtyPages(START, 0, 0, null);
    }

    public static DirtyPages stop() {
        return new DirtyPages(STOP, 0, 0, null);
    }

    public static DirtyPages get(long iova, long size, DirtyBitmap bitmap) {
        return new DirtyPages(GET_BITMAP, iova, size, bitmap);
    }
}
