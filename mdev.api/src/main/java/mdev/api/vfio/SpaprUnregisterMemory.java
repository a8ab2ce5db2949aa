package mdev.api.vfio;

/**
 * {@code VFIO_IOMMU_SPAPR_UNREGISTER_MEMORY}; replies with {@link IoctlReply#DONE}. ENOTTY on version 1; EPERM on a
 * container in which no memory has been registered and no window created yet; EINVAL for any flag or a wrong alignment;
 * ENOENT unless exactly this memory is registered; EBUSY while part of it is mapped.
 *
 * @param flags none defined yet
 * @param memory the same bytes as at registration; the call takes ownership whatever its outcome
 * @param size the size in bytes
 */
public record SpaprUnregisterMemory(int flags, UserMemory memory, long size) implements IoctlRequest {}
