package mdev.api.vfio;

/**
 * What is in an address space, for listings.
 *
 * @param iommu the back-end and version, for example {@code type1v2}
 * @param mappings how many there are
 * @param mappedBytes in all of them
 * @param pinnedPages pages that vendors have pinned
 * @param ranges {@link DmaRange}s that vendors hold
 * @param dirtyTracking whether written pages are tracked
 * @param dirtyPages pages that the next report has, as far as they are known now
 */
public record IommuState(
        String iommu,
        int mappings,
        long mappedBytes,
        int pinnedPages,
        int ranges,
        boolean dirtyTracking,
        long dirtyPages) {}
