package vendor.gpusim.display;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Random;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Conversion of a frame buffer to a file and to characters. */
class PictureTest {
    private static Picture random(int width, int height) {
        return new Picture(
                width,
                height,
                new Random(1).ints((long) width * height, 0, 1 << 24).toArray());
    }

    @ParameterizedTest
    @CsvSource({
        "XRGB8888, 33221100, 112233",
        "BGRX8888, 00112233, 112233",
        "RGB565, 00f8, ff0000",
        "RGB565, e007, 00ff00",
        "RGB565, 1f00, 0000ff",
        "RGB565, 1084, 848284", // 10000 100000 10000
    })
    void decodesEachPixelFormat(PixelFormat format, String bytes, String rgb) {
        var memory = MemorySegment.ofArray(HexFormat.of().parseHex("ee" + bytes));
        assertEquals(HexFormat.fromHexDigits(rgb), format.rgb(memory, 1));
    }

    @Test
    void linesFollowTheStride() {
        byte[] memory = new byte[1000];
        memory[100 + 2 * 300 + 4] = 0x7f;
        var picture = Picture.of(MemorySegment.ofArray(memory), new Mode(PixelFormat.XRGB8888, 3, 3, 300, 100));
        assertArrayEquals(new int[] {0, 0, 0, 0, 0, 0, 0, 0x7f, 0}, picture.rgb());
    }

    /** Another PNG reader decodes the same pixels. */
    @ParameterizedTest
    @CsvSource({"1, 1", "7, 3", "640, 480"})
    void pngDecodesToThePicture(int width, int height) throws IOException {
        var picture = random(width, height);
        var file = new ByteArrayOutputStream();
        Png.write(picture, file);
        BufferedImage read = ImageIO.read(new ByteArrayInputStream(file.toByteArray()));
        int[] pixels = read.getRGB(0, 0, width, height, null, 0, width);
        assertArrayEquals(
                picture.rgb(),
                Arrays.stream(pixels).map(pixel -> pixel & 0xffffff).toArray());
    }

    @Test
    void scaledPictureHasMeans() {
        var picture = new Picture(4, 2, new int[] {0xff0000, 0x00ff00, 1, 3, 0, 0xff, 5, 7});
        assertArrayEquals(new int[] {0x3f3f3f, 4}, picture.scaled(2, 1).rgb());
        assertArrayEquals(picture.rgb(), picture.scaled(4, 2).rgb());
    }

    @Test
    void characterShowsTwoPixels() {
        var picture = new Picture(2, 2, new int[] {0x010203, 0x010203, 0x0a0b0c, 0xffffff});
        assertEquals(
                "\033[38;2;1;2;3m\033[48;2;10;11;12m\u2580\033[48;2;255;255;255m\u2580\033[0m\033[K\r\n",
                HalfBlocks.of(picture, 80, 24));
    }

    @ParameterizedTest(name = "{0}x{1} on {2} columns and {3} rows: {4} and {5}")
    @CsvSource({"1280, 800, 80, 24, 76, 24", "640, 480, 40, 30, 40, 15", "64, 64, 200, 60, 64, 32", "64, 64, 1, 1, 1, 1"
    })
    void pictureFitsTheTerminal(int width, int height, int columns, int rows, int usedColumns, int usedRows) {
        String text = HalfBlocks.of(random(width, height), columns, rows);
        assertEquals(usedRows, text.lines().count());
        assertEquals(
                (long) usedColumns * usedRows,
                text.chars().filter(c -> c == '\u2580').count());
    }
}
