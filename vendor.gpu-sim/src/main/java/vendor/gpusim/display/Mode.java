package vendor.gpusim.display;

import java.util.Optional;

/**
 * The visible part of a frame buffer; it lies completely within the frame buffer.
 *
 * @param format of the pixels
 * @param width in pixels
 * @param height in lines
 * @param stride from one line to the next, in bytes
 * @param start the offset of the first pixel in the frame buffer
 */
public record Mode(PixelFormat format, int width, int height, int stride, long start) {
    /** The minimum of bochs-display. */
    private static final int LEAST = 64;

    /**
     * The mode of a set of DISPI registers, by the rules of {@code bochs_display_get_mode()} in QEMU; empty if it
     * cannot be shown.
     *
     * @param pixels the maximum number of pixels, so that the cost of a picture does not grow with the memory
     */
    static Optional<Mode> of(
            PixelFormat format,
            int width,
            int height,
            int virtualWidth,
            int xOffset,
            int yOffset,
            long memory,
            int pixels) {
        int stride = Math.max(width, virtualWidth) * format.bytes();
        long start = (long) xOffset * format.bytes() + (long) yOffset * stride;
        if (width < LEAST
                || height < LEAST
                || (long) width * height > pixels
                || start + (long) stride * height > memory) {
            return Optional.empty();
        }
        return Optional.of(new Mode(format, width, height, stride, start));
    }

    /** The text of the {@code mode} attribute. */
    @Override
    public String toString() {
        return "%dx%d %s stride %d start %d".formatted(width, height, format, stride, start);
    }
}
