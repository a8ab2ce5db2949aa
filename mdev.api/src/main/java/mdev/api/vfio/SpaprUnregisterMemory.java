package mdev.api.vfio;

/**
 * {@code VFIO_IOMMU_SPAPR_UNREGISTER_MEMORY}; answered by {@link IoctlReply#DONE}. ENOTTY on version 1; EPERM on a container in which nothing was registered nor
 * created yet; EINVAL for flags or an alignment; ENOENT unless exactly this was registered; EBUSY while some of it is mapped.
 *
 * @param flags none yet
 * @param memory the same bytes as at the registration; used up by the call, however it ends
 * @param size in bytes
 */
public record SpaprUnregisterMemory(int flags, UserMemory memory, long size) implements IoctlRequest {}
