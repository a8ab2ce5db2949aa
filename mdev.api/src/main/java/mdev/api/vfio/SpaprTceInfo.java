package mdev.api.vfio;

/**
 * {@code struct vfio_iommu_spapr_tce_info}.
 *
 * @param flags {@link #DDW}
 * @param dma32WindowStart the start of the default window in bytes
 * @param dma32WindowSize the size of the default window in bytes
 * @param ddw the windows that can be created; all zero without {@link #DDW}
 */
public record SpaprTceInfo(int flags, long dma32WindowStart, long dma32WindowSize, Ddw ddw) implements IoctlReply {
    /** Dynamic DMA windows are supported. */
    public static final int DDW = 1;

    /**
     * {@code struct vfio_iommu_spapr_tce_ddw_info}.
     *
     * @param pgsizes a bitmap of the page sizes that a window can have
     * @param maxDynamicWindowsSupported the maximum number of windows, including the default window
     * @param levels the maximum number of levels of a window's table
     */
    public record Ddw(long pgsizes, int maxDynamicWindowsSupported, int levels) {}
}
