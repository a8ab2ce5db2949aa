package mdev.api.vfio;

/** {@code VFIO_IOMMU_SPAPR_TCE_GET_INFO}; replies with {@link SpaprTceInfo}; ENXIO while no group is attached. */
public record SpaprTceGetInfo() implements IoctlRequest {}
