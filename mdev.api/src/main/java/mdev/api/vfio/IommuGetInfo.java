package mdev.api.vfio;

/** {@code VFIO_IOMMU_GET_INFO}; replies with {@link IommuInfo}. */
public record IommuGetInfo() implements IoctlRequest {}
