package mdev.api.vfio;

/**
 * {@code struct vfio_iommu_spapr_tce_info}.
 *
 * @param flags {@link #DDW}
 * @param dma32WindowStart of the default window, in bytes
 * @param dma32WindowSize of the default window, in bytes
 * @param ddw what windows can be created; all zero without {@link #DDW}
 */
public record SpaprTceInfo(int flags, long dma32WindowStart, long dma32WindowSize, Ddw ddw) implements IoctlReply {
    /** Dynamic DMA windows are supported. */
    public static final int DDW = 1;

    /**
     * {@code struct vfio_iommu_spapr_tce_ddw_info}.
     *
     * @param pgsizes a bitmap of the page sizes that a window can have
     * @param maxDynamicWindowsSupported how many windows there can be, the default one included
     * @param levels of a window's table at most
     */
    public record Ddw(long pgsizes, int maxDynamicWindowsSupported, int levels) {}
}
