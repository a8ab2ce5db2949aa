package mdev.api.vfio;

/**
 * {@code VFIO_IOMMU_ENABLE} of sPAPR version 1; answered by {@link IoctlReply#DONE}. ENODEV while no group is attached; EBUSY when it is enabled;
 * ENOTTY on other back-ends.
 */
public record IommuEnable() implements IoctlRequest {}
