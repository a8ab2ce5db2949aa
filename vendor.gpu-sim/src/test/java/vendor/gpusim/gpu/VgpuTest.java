package vendor.gpusim.gpu;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Optional;
import java.util.UUID;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.GetIrqInfo;
import mdev.api.vfio.GetRegionInfo;
import mdev.api.vfio.RegionInfo;
import mdev.api.vfio.Reset;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import vendor.gpusim.display.Mode;
import vendor.gpusim.display.Picture;
import vendor.gpusim.display.PixelFormat;
import vendor.gpusim.engine.Engine;

/** The function as bochs-drm finds and drives it. */
class VgpuTest {
    private static final long FRAME_BUFFER = 16 << 20;

    private final MemorySegment frameBuffer = MemorySegment.ofArray(new byte[(int) FRAME_BUFFER]);
    private final Engine engine = new Engine("gpu0");
    private final Vgpu vgpu = new Vgpu(new UUID(0, 1), new VgpuType(FRAME_BUFFER, 1920, 1080), engine, 1);

    @BeforeEach
    void open() throws ErrnoException {
        vgpu.open(new UserContext(frameBuffer));
    }

    @AfterEach
    void close() {
        engine.close();
    }

    private String read(int region, long offset, int length) throws ErrnoException {
        byte[] data = new byte[length];
        vgpu.read(region, offset, MemorySegment.ofArray(data), 0, length);
        return HexFormat.of().formatHex(data);
    }

    private void write(int region, long offset, String hex) throws ErrnoException {
        byte[] data = HexFormat.of().parseHex(hex);
        vgpu.write(region, offset, MemorySegment.ofArray(data), 0, data.length);
    }

    @Test
    void isTheDeviceThatBochsDrmBinds() throws ErrnoException {
        assertEquals("34121111", read(7, 0, 4));
        assertEquals("02008003", read(7, 8, 4));
        assertEquals("f41a0011", read(7, 0x2c, 4));
        write(7, 0x10, "ffffffff");
        assertEquals("080000ff", read(7, 0x10, 4), "16 MiB, prefetchable");
        write(7, 0x18, "ffffffff");
        assertEquals("00f0ffff", read(7, 0x18, 4));
        assertEquals(new RegionInfo(0, 7, FRAME_BUFFER), vgpu.ioctl(new GetRegionInfo(0)));
        assertEquals(new RegionInfo(2, 3, 0x1000), vgpu.ioctl(new GetRegionInfo(2)));
        var refusal = assertThrows(ErrnoException.class, () -> vgpu.ioctl(new GetIrqInfo(0)));
        assertEquals(Errno.EINVAL, refusal.errno(), "it has no interrupt");
    }

    /** The next version of the driver shows the picture that the guest has drawn. */
    @Test
    void modeAndPictureStayThroughAnUpdate() throws ErrnoException {
        write(2, 0x502, "2003"); // 800 x 600 x 32
        write(2, 0x504, "5802");
        write(2, 0x506, "2000");
        write(2, 0x508, "4100");
        write(2, 0x604, "bebebebe");
        frameBuffer.set(ValueLayout.JAVA_INT_UNALIGNED, 32, 0x12345678);
        var mode = vgpu.mode();
        var picture = vgpu.picture().orElseThrow();

        vgpu.stop();
        var state = vgpu.save();
        vgpu.release();
        var next = new Vgpu(new UUID(0, 1), new VgpuType(FRAME_BUFFER, 1920, 1080), engine, 1);
        next.open(new UserContext(frameBuffer));
        next.restore(state);
        next.resume();

        assertEquals(vgpu.stateVersion(), state.version());
        assertEquals(mode, next.mode());
        assertArrayEquals(picture.rgb(), next.picture().orElseThrow().rgb());
    }

    @Test
    void showsItsEdid() throws ErrnoException {
        assertEquals("00ffffffffffff003496", read(2, 0, 10));
        assertEquals("00".repeat(0x380), read(2, 128, 0x380));
        write(2, 0, "5555");
        assertEquals("00ff", read(2, 0, 2), "read-only");
    }

    @ParameterizedTest(name = "{1} written to {0} reads {2}")
    @CsvSource({
        "0x500, ffff, c5b0", // ID
        "0x502, 0004, 0004", // XRES
        "0x504, 00030000, 00030000", // YRES and BPP at once
        "0x503, 04, 04", // the upper byte of XRES
        "0x50c, 0008, 0008", // VIRT_WIDTH
        "0x512, 3412, 3412", // Y_OFFSET
        "0x514, ffff, 0001", // 16 MiB in units of 64 KiB
        "0x516, ffff, 0000", // behind
        "0x400, ff, 00", // VGA ports: none
        "0x600, ffffffff, 08000000", // the length of the extension
        "0x604, bebebebe, bebebebe", // big endian
        "0x604, 12345678, 1e1e1e1e", // no byte order
        "0xffe, ffff, 0000",
    })
    void hasTheRegistersOfBochsDisplay(String offset, String written, String expected) throws ErrnoException {
        write(2, Integer.decode(offset), written);
        assertEquals(expected, read(2, Integer.decode(offset), expected.length() / 2));
    }

    @Test
    void reportsItsRegionsAndInterrupts() throws ErrnoException {
        write(2, 0x502, "00040003");
        write(2, 0x508, "0200");
        assertEquals("80073804" + "2000", read(2, 0x502, 6), "1920x1080x32");
        write(2, 0x508, "4100");
        assertEquals("00040003", read(2, 0x502, 4));
    }

    @Test
    void frameBufferIsMemory() throws ErrnoException {
        assertEquals("00".repeat(16), read(0, FRAME_BUFFER - 16, 16));
        byte[] line = new byte[7680];
        for (int i = 0; i < line.length; i++) {
            line[i] = (byte) i;
        }
        vgpu.write(0, 12345, MemorySegment.ofArray(line), 0, line.length);
        byte[] back = new byte[7680];
        vgpu.read(0, 12345, MemorySegment.ofArray(back), 0, back.length);
        assertArrayEquals(line, back);
        assertThrows(ErrnoException.class, () -> read(0, FRAME_BUFFER - 1, 2));
    }

    /** The screen shows what the guest draws into its mapped memory. */
    @Test
    void pictureShowsTheGuestsDrawing() throws ErrnoException {
        assertEquals(Optional.empty(), vgpu.picture());
        write(2, 0x502, "400040002000");
        write(2, 0x508, "4100");
        assertEquals(Optional.of(new Mode(PixelFormat.XRGB8888, 64, 64, 256, 0)), vgpu.mode());
        frameBuffer.set(ValueLayout.JAVA_INT_UNALIGNED, 4 * (64 * 63 + 62), 0xff123456);
        Picture picture = vgpu.picture().orElseThrow();
        assertEquals(0x123456, picture.rgb()[64 * 63 + 62]);
        assertEquals(0x123456, Arrays.stream(picture.rgb()).sum());
    }

    /**
     * Even a user that keeps its mapping shares the memory with no later user: {@code RegionMemoryTest} tests the
     * framework's part.
     */
    @Test
    void newUserSeesNoEarlierDrawing() throws ErrnoException {
        write(2, 0x502, "0004");
        vgpu.release();
        assertEquals(Optional.empty(), vgpu.mode());
        var refusal = assertThrows(ErrnoException.class, vgpu::picture);
        assertEquals(Errno.ENODEV, refusal.errno());
        vgpu.open(new UserContext(MemorySegment.ofArray(new byte[(int) FRAME_BUFFER])));
        frameBuffer.fill((byte) 0x55);
        assertEquals("00000000", read(0, 0, 4));
        assertEquals("0000", read(2, 0x502, 2));
        write(0, 0, "ffffffff");
        assertEquals(0x55, frameBuffer.get(ValueLayout.JAVA_BYTE, 0));
    }

    @Test
    void resetClearsTheScreenAndTheMode() throws ErrnoException {
        write(0, 0, "ffffffff");
        write(2, 0x502, "0004");
        write(2, 0x604, "bebebebe");
        vgpu.ioctl(new Reset());
        assertEquals("00000000", read(0, 0, 4));
        assertEquals("c5b00000", read(2, 0x500, 4));
        assertEquals("1e1e1e1e", read(2, 0x604, 4));
    }
}
