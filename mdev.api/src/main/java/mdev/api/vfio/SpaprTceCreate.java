package mdev.api.vfio;

/**
 * {@code VFIO_IOMMU_SPAPR_TCE_CREATE}: adds a DMA window; replies with {@link Reply}. ENOTTY on version 1; ENXIO while
 * no group is attached; ENOSPC if all windows are in use; EINVAL for any flag, an unsupported page size, or a window
 * size or number of levels that a table cannot have.
 *
 * @param flags none defined yet
 * @param pageShift the binary logarithm of the page size
 * @param windowSize the size in bytes; a power of two
 * @param levels the number of levels of the table, at least 1
 */
public record SpaprTceCreate(int flags, int pageShift, long windowSize, int levels) implements IoctlRequest {
    /** @param startAddr the first address of the window */
    public record Reply(long startAddr) implements IoctlReply {}
}
