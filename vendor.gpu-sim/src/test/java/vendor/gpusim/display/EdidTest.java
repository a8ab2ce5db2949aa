package vendor.gpusim.display;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The EDID block as read by a driver. */
class EdidTest {
    /** Clocks and lines from the VESA CVT generator for reduced blanking at 60 Hz. */
    @ParameterizedTest(name = "{0}x{1}: {2} kHz, {3} lines of blanking")
    @CsvSource({
        "1920, 1080, 138500, 31, 5",
        "1920, 1200, 154000, 35, 6",
        "1024, 768, 56000, 22, 4",
        "1280, 720, 64000, 21, 5",
        "2560, 1600, 268500, 46, 6",
    })
    void timingMatchesTheStandard(int width, int height, int kilohertz, int blank, int sync) {
        byte[] edid = Edid.of(width, height);
        int at = 0x36;
        assertEquals(kilohertz, 10 * (u(edid, at) | (u(edid, at + 1) << 8)));
        assertEquals(width, u(edid, at + 2) | ((u(edid, at + 4) >> 4) << 8));
        assertEquals(160, u(edid, at + 3) | ((u(edid, at + 4) & 15) << 8));
        assertEquals(height, u(edid, at + 5) | ((u(edid, at + 7) >> 4) << 8));
        assertEquals(blank, u(edid, at + 6) | ((u(edid, at + 7) & 15) << 8));
        assertEquals(48, u(edid, at + 8));
        assertEquals(32, u(edid, at + 9));
        assertEquals(3, u(edid, at + 10) >> 4);
        assertEquals(sync, u(edid, at + 10) & 15);
    }

    @Test
    void headerAndChecksumAreCorrect() {
        byte[] edid = Edid.of(1920, 1080);
        assertEquals("00ffffffffffff00", HexFormat.of().formatHex(edid, 0, 8));
        assertEquals("3496", HexFormat.of().formatHex(edid, 8, 10), "MDV");
        assertEquals("0104", HexFormat.of().formatHex(edid, 18, 20), "version 1.4");
        assertEquals("000000fc00" + "6770752d73696d0a2020202020", HexFormat.of().formatHex(edid, 0x48, 0x5a));
        assertEquals("1920x1080\n", new String(edid, 0x5f, 10, StandardCharsets.US_ASCII));
        assertEquals("00000010", HexFormat.of().formatHex(edid, 0x6c, 0x70));
        assertEquals(0, edid[126], "no extension");
        int sum = 0;
        for (byte value : edid) {
            sum += value;
        }
        assertEquals(0, sum & 0xff);
    }

    private static int u(byte[] edid, int at) {
        return Byte.toUnsignedInt(edid[at]);
    }
}
