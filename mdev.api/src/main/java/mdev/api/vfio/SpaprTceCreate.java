package mdev.api.vfio;

/**
 * {@code VFIO_IOMMU_SPAPR_TCE_CREATE}: adds a DMA window; answered by {@link Reply}. ENOTTY on version 1; ENXIO while no group is attached; ENOSPC when
 * all windows are in use; EINVAL for flags, a page size that is not supported, or a size or number of levels that no table can have.
 *
 * @param flags none yet
 * @param pageShift the binary logarithm of the page size
 * @param windowSize in bytes; a power of two
 * @param levels of the table, from 1
 */
public record SpaprTceCreate(int flags, int pageShift, long windowSize, int levels) implements IoctlRequest {
    /** @param startAddr where the window begins */
    public record Reply(long startAddr) implements IoctlReply {}
}
