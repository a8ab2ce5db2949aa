package mdev.api.vfio;

/** A capability of an IOMMU ({@code struct vfio_info_cap_header} and what follows it). */
public sealed interface IommuCapability {
    /**
     * {@code VFIO_IOMMU_TYPE1_INFO_CAP_MIGRATION}: written pages can be tracked.
     *
     * @param flags none yet
     * @param pgsizeBitmap the page sizes of a bit
     * @param maxDirtyBitmapSize of one report, in bytes
     */
    record Migration(int flags, long pgsizeBitmap, long maxDirtyBitmapSize) implements IommuCapability {}

    /**
     * {@code VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL}.
     *
     * @param avail how many more mappings there may be
     */
    record DmaAvail(int avail) implements IommuCapability {}
}
