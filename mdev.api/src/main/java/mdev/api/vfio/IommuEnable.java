package mdev.api.vfio;

/**
 * {@code VFIO_IOMMU_ENABLE} of sPAPR version 1; replies with {@link IoctlReply#DONE}. ENODEV while no group is
 * attached; EBUSY if already enabled; ENOTTY on other back-ends.
 */
public record IommuEnable() implements IoctlRequest {}
