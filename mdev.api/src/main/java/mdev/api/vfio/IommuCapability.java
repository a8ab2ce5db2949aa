package mdev.api.vfio;

/** A capability of an IOMMU ({@code struct vfio_info_cap_header} and the data that follows it). */
public sealed interface IommuCapability {
    /**
     * {@code VFIO_IOMMU_TYPE1_INFO_CAP_MIGRATION}: dirty tracking is supported.
     *
     * @param flags none defined yet
     * @param pgsizeBitmap the supported page sizes of a bit in the dirty bitmap
     * @param maxDirtyBitmapSize the maximum size of one report's bitmap in bytes
     */
    record Migration(int flags, long pgsizeBitmap, long maxDirtyBitmapSize) implements IommuCapability {}

    /**
     * {@code VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL}.
     *
     * @param avail the number of mappings that can still be added
     */
    record DmaAvail(int avail) implements IommuCapability {}
}
