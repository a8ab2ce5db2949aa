package mdev.api.vfio;

/**
 * The contents of an address space, for listings.
 *
 * @param iommu the back-end and version, for example {@code type1v2}
 * @param mappings the number of mappings
 * @param mappedBytes the total size of the mappings in bytes
 * @param pinnedPages the number of pages that vendors have pinned
 * @param ranges the number of {@link DmaRange}s that vendors hold
 * @param dirtyTracking whether dirty tracking is on
 * @param dirtyPages the number of pages currently known to be in the next report
 */
public record IommuState(
        String iommu,
        int mappings,
        long mappedBytes,
        int pinnedPages,
        int ranges,
        boolean dirtyTracking,
        long dirtyPages) {}
