package vendor.gpusim.display;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Optional;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The mode for the guest's settings of the DISPI registers. */
class ModeTest {
    private static final int DISPI = 0x500;

    /**
     * Registers in the order of their index: XRES, YRES, BPP, ENABLE, BANK, VIRT_WIDTH, VIRT_HEIGHT, X_OFFSET,
     * Y_OFFSET.
     */
    @ParameterizedTest(name = "{0}: {1}")
    @CsvSource({
        "1280 800 32 65 0 0 0 0 0, 1280x800 XRGB8888 stride 5120 start 0",
        "1280 800 32 65 0 2048 0 0 0, 1280x800 XRGB8888 stride 8192 start 0",
        "1280 800 32 65 0 1280 0 3 7, 1280x800 XRGB8888 stride 5120 start 35852",
        "640 480 16 1 0 640 480 2 1, 640x480 RGB565 stride 1280 start 1284",
        "800 1280 32 65 0 0 0 0 0, 800x1280 XRGB8888 stride 3200 start 0",
        "1281 800 32 65 0 0 0 0 0, off", // more pixels than the largest resolution
        "1280 800 32 65 0 2048 0 0 224, 1280x800 XRGB8888 stride 8192 start 1835008",
        "1280 800 32 65 0 2048 0 0 225, off", // a line beyond 8 MiB
        "1280 800 24 65 0 0 0 0 0, off",
        "1280 800 32 64 0 0 0 0 0, off",
        "63 64 32 65 0 0 0 0 0, off",
        "64 63 32 65 0 0 0 0 0, off",
        "64 64 32 65 0 0 0 65535 65535, off",
        "65535 65535 32 65 0 65535 65535 65535 65535, off",
    })
    void followsTheRegisters(String written, String expected) {
        var registers = new DisplayRegisters(1280, 800, 8 << 20);
        String[] values = written.split(" ", -1);
        for (int i = 0; i < values.length; i++) {
            registers.write(DISPI + 2 + 2 * i, 2, Integer.parseInt(values[i]));
        }
        assertEquals(expected, registers.mode().map(Mode::toString).orElse("off"));
        registers.reset();
        assertEquals(Optional.empty(), registers.mode());
    }

    @ParameterizedTest
    @CsvSource({"0xbebe, BGRX8888", "0x1e1e, XRGB8888"})
    void byteOrderSelectsThePixelFormat(String order, PixelFormat format) {
        var registers = new DisplayRegisters(1280, 800, 8 << 20);
        registers.write(0x604, 2, Integer.decode(order));
        registers.write(DISPI + 2, 2, 640);
        registers.write(DISPI + 4, 2, 480);
        registers.write(DISPI + 6, 2, 32);
        registers.write(DISPI + 8, 2, 1);
        assertEquals(format, registers.mode().orElseThrow().format());
    }
}
