package mdev.api.vfio;

/** {@code VFIO_IOMMU_SPAPR_TCE_GET_INFO}; answered by {@link SpaprTceInfo}; ENXIO while no group is attached. */
public record SpaprTceGetInfo() implements IoctlRequest {}
