package vendor.gpusim.display;

/**
 * A picture in half-block characters: each shows two pixels, the upper one in the foreground colour, the lower one in
 * the background colour.
 */
public final class HalfBlocks {
    /** Erases the rest of a previous, longer line (erase in line, ISO 6429). */
    public static final String END_OF_LINE = "\033[K\r\n";

    private static final String RESET = "\033[0m";

    private HalfBlocks() {}

    /**
     * Scales the picture to the largest size that fits, keeping its aspect ratio. Lines end with CR and LF for raw
     * terminals.
     */
    public static String of(Picture picture, int columns, int rows) {
        double scale = Math.min(1, Math.min((double) columns / picture.width(), 2.0 * rows / picture.height()));
        int width = Math.max(1, (int) (picture.width() * scale));
        // An even number of lines, because each character shows two.
        int height = Math.max(2, (int) (picture.height() * scale) & ~1);
        int[] rgb = picture.scaled(width, height).rgb();
        var text = new StringBuilder();
        for (int y = 0; y < height; y += 2) {
            int upper = -1;
            int lower = -1;
            for (int x = 0; x < width; x++) {
                if (rgb[y * width + x] != upper) {
                    upper = rgb[y * width + x];
                    colour(text, 38, upper);
                }
                if (rgb[(y + 1) * width + x] != lower) {
                    lower = rgb[(y + 1) * width + x];
                    colour(text, 48, lower);
                }
                text.append('\u2580');
            }
            text.append(RESET).append(END_OF_LINE);
        }
        return text.toString();
    }

    /** Select graphic rendition 38 or 48, direct colour (ISO 8613-6). */
    private static void colour(StringBuilder text, int what, int rgb) {
        text.append("\033[%d;2;%d;%d;%dm".formatted(what, rgb >> 16, rgb >> 8 & 0xff, rgb & 0xff));
    }
}
