package vendor.gpusim.display;

import java.lang.foreign.MemorySegment;

/**
 * A snapshot of a screen.
 *
 * @param width in pixels
 * @param height in lines
 * @param rgb the pixels line by line, each 0xRRGGBB; must not be modified
 */
@SuppressWarnings("ArrayRecordComponent") // The array is too large to copy, and pictures are not compared by equals.
public record Picture(int width, int height, int[] rgb) {
    /**
     * Reads the frame buffer. The guest may be drawing concurrently.
     *
     * @throws IllegalStateException the guest has closed the device in the meantime
     */
    public static Picture of(MemorySegment frameBuffer, Mode mode) {
        int[] rgb = new int[mode.width() * mode.height()];
        int at = 0;
        for (int y = 0; y < mode.height(); y++) {
            long pixel = mode.start() + (long) y * mode.stride();
            for (int x = 0; x < mode.width(); x++, pixel += mode.format().bytes()) {
                rgb[at++] = mode.format().rgb(frameBuffer, pixel);
            }
        }
        return new Picture(mode.width(), mode.height(), rgb);
    }

    /** The picture scaled down, or unscaled: each pixel is the mean of the pixels it represents. */
    public Picture scaled(int toWidth, int toHeight) {
        int[] scaled = new int[toWidth * toHeight];
        for (int y = 0; y < toHeight; y++) {
            for (int x = 0; x < toWidth; x++) {
                scaled[y * toWidth + x] = mean(
                        x * width / toWidth,
                        (x + 1) * width / toWidth,
                        y * height / toHeight,
                        (y + 1) * height / toHeight);
            }
        }
        return new Picture(toWidth, toHeight, scaled);
    }

    private int mean(int left, int right, int top, int bottom) {
        long red = 0;
        long green = 0;
        long blue = 0;
        for (int y = top; y < bottom; y++) {
            for (int x = left; x < right; x++) {
                int pixel = rgb[y * width + x];
                red += pixel >> 16;
                green += (pixel >> 8) & 0xff;
                blue += pixel & 0xff;
            }
        }
        int count = (right - left) * (bottom - top);
        return (int) ((red / count) << 16 | (green / count) << 8 | (blue / count));
    }
}
