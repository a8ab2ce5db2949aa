package mdev.api.vfio;

/** {@code VFIO_IOMMU_DISABLE} of sPAPR version 1; replies with {@link IoctlReply#DONE}; ENOTTY on other back-ends. */
public record IommuDisable() implements IoctlRequest {}
