package mdev.api.vfio;

/**
 * {@code VFIO_IOMMU_MAP_DMA}: gives devices access to the user's memory at an I/O virtual address; replies with {@link
 * IoctlReply#DONE}.
 *
 * <p>type1 (vfio_iommu_type1.c, {@code vfio_dma_do_map}): EINVAL for unknown flags, neither READ nor WRITE, a size of
 * 0, anything that is not page aligned, and a range that wraps; EEXIST if the range overlaps a mapping; ENOSPC if there
 * are already 65,535 mappings; EINVAL if the memory is shorter than the mapping; EACCES for WRITE on a file that is
 * open only for reading. sPAPR (vfio_iommu_spapr_tce.c): EPERM before {@link IommuEnable} or {@link
 * SpaprRegisterMemory}; ENXIO outside of all windows; EINVAL as above with the window's page size, and for memory that
 * is not registered; the new mapping replaces existing mappings in the range.
 *
 * @param flags {@link #READ}, {@link #WRITE}: the accesses that the device may make
 * @param memory the memory to map; the call takes ownership whatever its outcome
 * @param iova the address, as an unsigned 64-bit number
 * @param size the size in bytes, unsigned
 */
public record MapDma(int flags, UserMemory memory, long iova, long size) implements IoctlRequest {
    public static final int READ = 1;
    public static final int WRITE = 1 << 1;
}
