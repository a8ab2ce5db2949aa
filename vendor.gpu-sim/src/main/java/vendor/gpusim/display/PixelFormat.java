package vendor.gpusim.display;

import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;
import static java.nio.ByteOrder.BIG_ENDIAN;
import static java.nio.ByteOrder.LITTLE_ENDIAN;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Optional;

/** The layout of a pixel in the frame buffer, with the names of {@code drm_fourcc.h}. */
public enum PixelFormat {
    XRGB8888(4),
    /** XRGB8888 in big-endian byte order. */
    BGRX8888(4),
    RGB565(2);

    private static final ValueLayout.OfInt LITTLE_32 = JAVA_INT_UNALIGNED.withOrder(LITTLE_ENDIAN);
    private static final ValueLayout.OfInt BIG_32 = JAVA_INT_UNALIGNED.withOrder(BIG_ENDIAN);
    private static final ValueLayout.OfShort LITTLE_16 = JAVA_SHORT_UNALIGNED.withOrder(LITTLE_ENDIAN);

    private final int bytes;

    PixelFormat(int bytes) {
        this.bytes = bytes;
    }

    /** The format that QEMU's bochs-display uses for a depth: 16 bits are always little-endian. */
    static Optional<PixelFormat> of(int bitsPerPixel, boolean bigEndian) {
        return switch (bitsPerPixel) {
            case 16 -> Optional.of(RGB565);
            case 32 -> Optional.of(bigEndian ? BGRX8888 : XRGB8888);
            default -> Optional.empty();
        };
    }

    /** Bytes per pixel. */
    public int bytes() {
        return bytes;
    }

    /** A pixel as 0xRRGGBB. */
    int rgb(MemorySegment memory, long offset) {
        return switch (this) {
            case XRGB8888 -> memory.get(LITTLE_32, offset) & 0xffffff;
            case BGRX8888 -> memory.get(BIG_32, offset) & 0xffffff;
            case RGB565 -> {
                int pixel = memory.get(LITTLE_16, offset);
                yield widen(pixel >> 11, 5) << 16 | widen(pixel >> 5, 6) << 8 | widen(pixel, 5);
            }
        };
    }

    /** Expands a colour of fewer bits to 8; all ones remain all ones. */
    private static int widen(int value, int bits) {
        int high = (value & ((1 << bits) - 1)) << (8 - bits);
        return high | (high >> bits);
    }
}
