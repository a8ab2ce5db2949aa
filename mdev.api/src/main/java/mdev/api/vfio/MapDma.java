package mdev.api.vfio;

/**
 * {@code VFIO_IOMMU_MAP_DMA}: lets devices reach the user's memory at an I/O virtual address; answered by {@link IoctlReply#DONE}.
 *
 * <p>type1 (vfio_iommu_type1.c, {@code vfio_dma_do_map}): EINVAL for unknown flags, neither READ nor WRITE, a size of 0, anything that is not page aligned, and a range that
 * wraps; EEXIST where something is mapped in the range already; ENOSPC when there are 65,535 mappings; EINVAL where the memory
 * is shorter than the mapping; EACCES for WRITE on a file that is open for reading. sPAPR (vfio_iommu_spapr_tce.c): EPERM before {@link IommuEnable} or
 * {@link SpaprRegisterMemory}; ENXIO outside of all windows; EINVAL as above with the window's page size, and for memory that is not registered; what was mapped in the range is replaced.
 *
 * @param flags {@link #READ}, {@link #WRITE}: what the device may do
 * @param memory what is mapped; used up by the call, however it ends
 * @param iova where, as an unsigned 64-bit number
 * @param size in bytes, unsigned
 */
public record MapDma(int flags, UserMemory memory, long iova, long size) implements IoctlRequest {
    public static final int READ = 1;
    public static final int WRITE = 1 << 1;
}
