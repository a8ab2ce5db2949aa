package mdev.api.vfio;

/**
 * {@code VFIO_IOMMU_SPAPR_TCE_REMOVE}: removes a DMA window and its mappings; replies with {@link IoctlReply#DONE}.
 * ENOTTY on version 1; ENXIO while no group is attached; EINVAL for any flag, or if no window contains the address.
 *
 * @param flags none defined yet
 * @param startAddr an address in the window
 */
public record SpaprTceRemove(int flags, long startAddr) implements IoctlRequest {}
