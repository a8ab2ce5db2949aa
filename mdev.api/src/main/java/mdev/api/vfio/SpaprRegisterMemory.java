package mdev.api.vfio;

/**
 * {@code VFIO_IOMMU_SPAPR_REGISTER_MEMORY}: memory must be registered before it is mapped on version 2; answered by {@link IoctlReply#DONE}.
 * ENOTTY on version 1; EINVAL for flags, an alignment that is not a page's, or memory that overlaps what is registered; EBUSY for memory that is registered; EACCES as for {@link MapDma}.
 *
 * @param flags none yet
 * @param memory used up by the call, however it ends
 * @param size in bytes
 */
public record SpaprRegisterMemory(int flags, UserMemory memory, long size) implements IoctlRequest {}
