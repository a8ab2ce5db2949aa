package mdev.api.vfio;

/**
 * {@code VFIO_IOMMU_SPAPR_TCE_REMOVE}: removes a DMA window and what is mapped in it; answered by {@link IoctlReply#DONE}. ENOTTY on version 1; ENXIO while no group is attached;
 * EINVAL for flags or where no window is.
 *
 * @param flags none yet
 * @param startAddr an address in the window
 */
public record SpaprTceRemove(int flags, long startAddr) implements IoctlRequest {}
