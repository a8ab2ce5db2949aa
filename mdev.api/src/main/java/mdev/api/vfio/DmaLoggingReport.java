package mdev.api.vfio;

/**
 * {@code VFIO_DEVICE_FEATURE_DMA_LOGGING_REPORT}: the pages of any range that were written since their last report;
 * answered by {@link IoctlReply#DONE}. In the kernel a device logs its own writes; here its container logs them, so the
 * container answers, after {@link DirtyPages#start}.
 *
 * <p>As a report of {@link DirtyPages}, but for any range: if the range cuts a mapping, only the part inside is
 * reported and cleared; unmapped pages count as not written. EINVAL while tracking is off, for a range that is empty,
 * wraps or is not aligned, and for a bitmap that is too small or of another page size.
 *
 * @param iova the first address, unsigned
 * @param length in bytes, unsigned
 * @param bitmap receives the report
 */
public record DmaLoggingReport(long iova, long length, DirtyBitmap bitmap) implements IoctlRequest {}
