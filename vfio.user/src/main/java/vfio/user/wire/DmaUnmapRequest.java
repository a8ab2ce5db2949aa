package vfio.user.wire;

import java.util.List;
import mdev.api.errno.ErrnoException;
import mdev.linux.Fd;

/**
 * {@code VFIO_USER_DMA_UNMAP}: argsz, flags, address, size, and the head of a bitmap if one is requested. argsz is the
 * maximum size of the answer.
 *
 * @param kind the unmapped range
 * @param pgsize the page size of the bitmap
 * @param bitmapBytes the bitmap's size; 0 without one
 */
public record DmaUnmapRequest(Kind kind, long address, long size, long pgsize, int bitmapBytes) {
    /** The unmapped range. */
    public enum Kind {
        RANGE,
        /** The range, with a report of pages written by devices. */
        RANGE_WITH_BITMAP,
        ALL
    }

    public static final int BYTES = 24;
    /** The offset of the bitmap in the answer. */
    public static final int BITMAP = BYTES + 16;

    private static final int GET_DIRTY_BITMAP = 1;
    private static final int UNMAP_ALL = 1 << 1;
    private static final Command COMMAND = Command.DMA_UNMAP;

    public static DmaUnmapRequest of(Message message, List<Fd> fds) throws ErrnoException {
        Checks.noFds(fds, COMMAND);
        Checks.sizes(message, COMMAND, BYTES);
        Kind kind = switch (message.u32(4)) {
            case 0 -> Kind.RANGE;
            case GET_DIRTY_BITMAP -> Kind.RANGE_WITH_BITMAP;
            case UNMAP_ALL -> Kind.ALL;
            default -> throw Checks.invalid(COMMAND, "flags 0x" + Integer.toHexString(message.u32(4)));
        };
        long address = message.u64(8);
        long size = message.u64(16);
        Checks.require(kind != Kind.ALL || (address == 0 && size == 0), COMMAND, "all requires address 0 and size 0");
        if (kind != Kind.RANGE_WITH_BITMAP) {
            return new DmaUnmapRequest(kind, address, size, 0, 0);
        }
        Checks.payload(message, COMMAND, BITMAP);
        long bytes = message.u64(32);
        Checks.require(bytes > 0 && bytes <= Message.MAX_PAYLOAD - BITMAP, COMMAND, "a bitmap of " + bytes + " bytes");
        Checks.require(
                Integer.toUnsignedLong(message.u32(0)) >= BITMAP + bytes, COMMAND, "argsz does not cover the bitmap");
        return new DmaUnmapRequest(kind, address, size, message.u64(24), (int) bytes);
    }
}
