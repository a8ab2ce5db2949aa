package mdev.api.vfio;

/** {@code VFIO_IOMMU_GET_INFO}; answered by {@link IommuInfo}. */
public record IommuGetInfo() implements IoctlRequest {}
