package mdev.api.vfio;

/**
 * {@code VFIO_DEVICE_FEATURE_DMA_LOGGING_REPORT}: the pages of any range that were written since they were reported
 * last; answered by {@link IoctlReply#DONE}. In the kernel a device logs by itself; here its container does, so it is
 * the container's to answer, while {@link DirtyPages#start} is in force.
 *
 * <p>As a report of {@link DirtyPages}, but for any range: of a mapping that the range cuts only the part inside is
 * reported and cleared, and where nothing is mapped no page is written. EINVAL while tracking is off, for a range that
 * is empty, wraps or is not aligned, and for a bitmap that is too small or of another page size.
 *
 * @param iova the first address, unsigned
 * @param length in bytes, unsigned
 * @param bitmap receives the report
 */
public record DmaLoggingReport(long iova, long length, DirtyBitmap bitmap) implements IoctlRequest {}
