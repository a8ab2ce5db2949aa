package vendor.gpusim.display;

import java.util.List;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicIntegerArray;
import mdev.api.errno.ErrnoException;
import mdev.api.state.DeviceState;
import mdev.device.Registers;

/**
 * The register file of QEMU's bochs-display (docs/specs/standard-vga.rst, "Memory mapped I/O"): EDID at 0, the DISPI
 * registers as 16-bit words at 0x500, byte order of the frame buffer at 0x600. Registers that bochs-display lacks, such
 * as the VGA ports at 0x400, read 0 and ignore writes.
 *
 * <p>The registers are independent, so each is atomic and no lock is needed.
 */
public final class DisplayRegisters implements Registers {
    public static final int SIZE = 0x1000;

    private static final int DISPI = 0x500;
    private static final int EXTENSION_SIZE = 0x600;
    private static final int BYTE_ORDER = 0x604;
    private static final int EXTENSION_END = 0x608;

    // VBE_DISPI_INDEX_* (drivers/gpu/drm/tiny/bochs.c)
    private static final int ID = 0;
    private static final int XRES = 1;
    private static final int YRES = 2;
    private static final int BPP = 3;
    private static final int ENABLE = 4;
    private static final int VIRT_WIDTH = 6;
    private static final int X_OFFSET = 8;
    private static final int Y_OFFSET = 9;
    private static final int VIDEO_MEMORY_64K = 10;
    private static final int COUNT = 11;

    /** In the state: the names of the registers from XRES on that the guest can write. */
    private static final List<String> NAMES =
            List.of("xres", "yres", "bpp", "enable", "bank", "virtWidth", "virtHeight", "xOffset", "yOffset");

    private static final int ID5 = 0xb0c5;
    private static final int MAX_BPP = 32;

    private static final int ENABLED = 0x01;

    /** While set in ENABLE, XRES, YRES and BPP read as their maximum values. */
    private static final int GETCAPS = 0x02;

    /** Both halves of the byte order register are equal, so either one gives the order. */
    private static final int LITTLE = 0x1e1e;

    private static final int BIG = 0xbebe;

    private final long memory;
    private final byte[] edid;
    private final int maxWidth;
    private final int maxHeight;
    private final AtomicIntegerArray dispi = new AtomicIntegerArray(COUNT);
    private volatile int byteOrder = LITTLE;

    /**
     * @param maxWidth the largest resolution, which is also the preferred one; other resolutions with at most as many
     *     pixels are supported, too
     * @param maxHeight as {@code maxWidth}
     * @param memory the frame buffer's size in bytes
     */
    public DisplayRegisters(int maxWidth, int maxHeight, long memory) {
        this.memory = memory;
        this.edid = Edid.of(maxWidth, maxHeight);
        this.maxWidth = maxWidth;
        this.maxHeight = maxHeight;
        dispi.set(ID, ID5);
        dispi.set(VIDEO_MEMORY_64K, (int) (memory >> 16));
    }

    /** The current mode; empty while the display is off or in an unsupported mode. Thread-safe. */
    public Optional<Mode> mode() {
        if ((dispi.get(ENABLE) & ENABLED) == 0) {
            return Optional.empty();
        }
        return PixelFormat.of(dispi.get(BPP), byteOrder == BIG)
                .flatMap(format -> Mode.of(
                        format,
                        dispi.get(XRES),
                        dispi.get(YRES),
                        dispi.get(VIRT_WIDTH),
                        dispi.get(X_OFFSET),
                        dispi.get(Y_OFFSET),
                        memory,
                        maxWidth * maxHeight));
    }

    @Override
    public int width() {
        return 2;
    }

    @Override
    public long read(long offset, int size) {
        int at = (int) offset;
        int word = word(at & ~1);
        return size == 2 ? word : (word >> (8 * (at & 1))) & 0xff;
    }

    @Override
    public void write(long offset, int size, long value) {
        int at = (int) offset & ~1;
        int word = (int) value;
        if (size == 1) {
            int shift = 8 * ((int) offset & 1);
            word = (word(at) & ~(0xff << shift)) | (word << shift);
        }
        int index = (at - DISPI) >> 1;
        if (index > ID && index < VIDEO_MEMORY_64K) {
            dispi.set(index, word);
        } else if (at >= BYTE_ORDER && at < EXTENSION_END && (word == LITTLE || word == BIG)) {
            byteOrder = word;
        }
    }

    @Override
    public void reset() {
        for (int index = ID + 1; index < VIDEO_MEMORY_64K; index++) {
            dispi.set(index, 0);
        }
        byteOrder = LITTLE;
    }

    @Override
    public DeviceState save() {
        DeviceState state = DeviceState.version(1);
        for (int i = 0; i < NAMES.size(); i++) {
            state = state.with(NAMES.get(i), dispi.get(XRES + i));
        }
        return state.with("bigEndian", byteOrder == BIG);
    }

    @Override
    public void restore(DeviceState state) throws ErrnoException {
        for (int i = 0; i < NAMES.size(); i++) {
            dispi.set(XRES + i, state.number(NAMES.get(i), 0, 0xffff));
        }
        byteOrder = state.flag("bigEndian") ? BIG : LITTLE;
    }

    private int word(int at) {
        if (at < edid.length) {
            return (edid[at] & 0xff) | ((edid[at + 1] & 0xff) << 8);
        } else if (at >= DISPI && at < DISPI + 2 * COUNT) {
            return dispi((at - DISPI) >> 1);
        } else if (at == EXTENSION_SIZE) {
            return EXTENSION_END - EXTENSION_SIZE;
        } else if (at >= BYTE_ORDER && at < EXTENSION_END) {
            return byteOrder;
        }
        return 0;
    }

    private int dispi(int index) {
        boolean capabilities = (dispi.get(ENABLE) & GETCAPS) != 0;
        return switch (index) {
            case XRES -> capabilities ? maxWidth : dispi.get(index);
            case YRES -> capabilities ? maxHeight : dispi.get(index);
            case BPP -> capabilities ? MAX_BPP : dispi.get(index);
            default -> dispi.get(index);
        };
    }
}
