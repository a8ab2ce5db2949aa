package mdev.api.vfio;

/**
 * {@code VFIO_IOMMU_SPAPR_REGISTER_MEMORY}: version 2 requires memory to be registered before it is mapped; replies
 * with {@link IoctlReply#DONE}. ENOTTY on version 1; EINVAL for any flag, an alignment other than a page's, or memory
 * that partly overlaps registered memory; EBUSY for memory that is already registered; EACCES as for {@link MapDma}.
 *
 * @param flags none defined yet
 * @param memory the memory; the call takes ownership whatever its outcome
 * @param size the size in bytes
 */
public record SpaprRegisterMemory(int flags, UserMemory memory, long size) implements IoctlRequest {}
