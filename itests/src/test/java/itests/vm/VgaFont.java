package itests.vm;

import java.awt.image.BufferedImage;
import java.util.HexFormat;
import java.util.Map;

/**
 * Reads a guest's text console from a picture, with some letters of Linux's 8x16 font (lib/fonts/font_8x16.c), one byte
 * per line.
 */
final class VgaFont {
    private static final int WIDTH = 8;
    private static final int HEIGHT = 16;

    private static final Map<String, Character> LETTERS = Map.of(
            "0000f86c6666666666666cf800000000", 'D',
            "0000fe6662687868606266fe00000000", 'E',
            "0000c6eefefed6c6c6c6c6c600000000", 'M',
            "0000c6c6c6c6c6c6c66c381000000000", 'V',
            "00000000000000000000000000000000", ' ');

    private VgaFont() {}

    /** The text in a row from a column on; {@code ?} for unknown characters. */
    static String read(BufferedImage screen, int row, int column, int length) {
        var text = new StringBuilder();
        for (int i = 0; i < length; i++) {
            text.append(LETTERS.getOrDefault(glyph(screen, row, column + i), '?'));
        }
        return text.toString();
    }

    private static String glyph(BufferedImage screen, int row, int column) {
        byte[] lines = new byte[HEIGHT];
        for (int y = 0; y < HEIGHT; y++) {
            for (int x = 0; x < WIDTH; x++) {
                boolean lit = (screen.getRGB(column * WIDTH + x, row * HEIGHT + y) & 0xffffff) != 0;
                lines[y] = (byte) (lines[y] << 1 | (lit ? 1 : 0));
            }
        }
        return HexFormat.of().formatHex(lines);
    }
}
