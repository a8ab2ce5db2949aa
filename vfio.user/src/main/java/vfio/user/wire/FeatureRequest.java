package vfio.user.wire;

import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;
import mdev.api.errno.ErrnoException;
import mdev.linux.Fd;

/**
 * {@code VFIO_USER_DEVICE_FEATURE}: argsz, flags, data.
 *
 * @param feature the number of the feature
 * @param operation {@link #GET} or {@link #SET}; either or both with {@link #PROBE}
 */
public record FeatureRequest(int feature, int operation) {
    public static final int GET = 1 << 16;
    public static final int SET = 1 << 17;
    public static final int PROBE = 1 << 18;

    /** argsz and flags; the data follow. */
    public static final int BYTES = 8;

    public static final int MIGRATION = 1;
    public static final int MIG_DEVICE_STATE = 2;
    public static final int DMA_LOGGING_START = 6;
    public static final int DMA_LOGGING_STOP = 7;
    public static final int DMA_LOGGING_REPORT = 8;
    public static final int MIG_DATA_SIZE = 9;

    /** Page size, number of ranges, reserved. */
    private static final int LOGGING_HEAD = 16;

    /** An address and a length. */
    private static final int LOGGING_RANGE = 16;

    private static final int FEATURE = 0xffff;
    private static final Command COMMAND = Command.DEVICE_FEATURE;

    public static FeatureRequest of(Message message, List<Fd> fds) throws ErrnoException {
        Checks.noFds(fds, COMMAND);
        Checks.sizes(message, COMMAND, BYTES);
        int flags = message.u32(4);
        int operation = flags & ~FEATURE;
        boolean one = operation == GET || operation == SET;
        Checks.require(
                one || ((operation & PROBE) != 0 && (operation & ~(GET | SET | PROBE)) == 0),
                COMMAND,
                "flags 0x" + Integer.toHexString(flags));
        return new FeatureRequest(flags & FEATURE, operation);
    }

    public boolean is(int bit) {
        return (operation & bit) != 0;
    }

    /**
     * Checks that the feature has the requested operations.
     *
     * @param operations those that it has
     */
    public void allow(int operations) throws ErrnoException {
        Checks.require(
                (operation & ~PROBE & ~operations) == 0,
                COMMAND,
                "feature %d has no operation 0x%x".formatted(feature, operation));
    }

    /**
     * Checks that argsz, and for a SET the message, has a feature's data.
     *
     * @param needed the bytes with the data
     */
    public void requireData(Message message, int needed) throws ErrnoException {
        Checks.require(Integer.compareUnsigned(message.u32(0), needed) >= 0, COMMAND, "argsz does not cover the data");
        if (is(SET)) {
            Checks.payload(message, COMMAND, needed);
        }
    }

    /**
     * Checks a {@code struct vfio_device_feature_dma_logging_control}: a page size, which is a hint, and ranges, where
     * none means all. All memory is logged in any case.
     */
    public static void checkLoggingStart(Message message) throws ErrnoException {
        Checks.payload(message, COMMAND, BYTES + LOGGING_HEAD);
        long pageSize = message.u64(BYTES);
        Checks.require(pageSize > 0 && Long.bitCount(pageSize) == 1, COMMAND, "pages of " + pageSize);
        long needed = BYTES + LOGGING_HEAD + Integer.toUnsignedLong(message.u32(BYTES + 8)) * LOGGING_RANGE;
        Checks.require(
                message.payload() >= needed && Integer.toUnsignedLong(message.u32(0)) >= needed,
                COMMAND,
                Integer.toUnsignedString(message.u32(BYTES + 8)) + " ranges in " + message.payload() + " bytes");
        checkRanges(message, pageSize, needed);
    }

    /** As {@code vfio_ioctl_device_feature_logging_start()}. */
    private static void checkRanges(Message message, long pageSize, long end) throws ErrnoException {
        NavigableMap<Long, Long> ranges = new TreeMap<>(Long::compareUnsigned);
        for (long at = BYTES + LOGGING_HEAD; at < end; at += LOGGING_RANGE) {
            long first = message.u64(at);
            long length = message.u64(at + 8);
            long last = first + length - 1;
            Checks.require(
                    length != 0 && Long.compareUnsigned(last, first) >= 0,
                    COMMAND,
                    "a range of 0 bytes, or beyond the address space");
            Checks.require(((first | length) & (pageSize - 1)) == 0, COMMAND, "a range of parts of pages");
            Map.Entry<Long, Long> below = ranges.floorEntry(last);
            Checks.require(
                    below == null || Long.compareUnsigned(below.getValue(), first) < 0, COMMAND, "ranges that overlap");
            ranges.put(first, last);
        }
    }

    /** {@code struct vfio_device_feature_dma_logging_report}. */
    public record LoggingReport(long iova, long length, long pageSize) {
        /** The offset of the bitmap in the answer. */
        public static final int BITMAP = BYTES + 24;

        public static LoggingReport of(Message message) throws ErrnoException {
            Checks.payload(message, COMMAND, BITMAP);
            LoggingReport report =
                    new LoggingReport(message.u64(BYTES), message.u64(BYTES + 8), message.u64(BYTES + 16));
            Checks.require(
                    report.length > 0 && report.pageSize > 0 && Long.bitCount(report.pageSize) == 1,
                    COMMAND,
                    "invalid report of %d bytes with page size %d".formatted(report.length, report.pageSize));
            Checks.require(
                    report.bitmapBytes() <= Message.MAX_PAYLOAD - BITMAP
                            && Integer.toUnsignedLong(message.u32(0)) >= BITMAP + report.bitmapBytes(),
                    COMMAND,
                    "argsz does not cover the bitmap");
            return report;
        }

        /** The bitmap's size, rounded up to 64-bit words. */
        public long bitmapBytes() {
            long pages = (length - 1) / pageSize + 1;
            return ((pages - 1) / 64 + 1) * Long.BYTES;
        }
    }
}
