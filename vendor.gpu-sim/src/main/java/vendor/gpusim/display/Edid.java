package vendor.gpusim.display;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/** The identification of a monitor with one resolution: one block of VESA E-EDID 1.4. */
final class Edid {
    static final int SIZE = 128;

    /** The manufacturer: five bits a letter, from A = 1 (3.4.1). */
    private static final short MDV = ('M' - '@') << 10 | ('D' - '@') << 5 | ('V' - '@');

    private static final int DESCRIPTORS = 0x36;
    private static final int DESCRIPTOR_SIZE = 18;

    private Edid() {}

    /** A block with the resolution as the preferred timing and a correct checksum. */
    static byte[] of(int width, int height) {
        byte[] block = new byte[SIZE];
        var edid = ByteBuffer.wrap(block);
        edid.put(new byte[] {0, -1, -1, -1, -1, -1, -1, 0});
        edid.putShort(MDV).putShort((short) 0x0100).putInt(0);
        put(edid, 0, 2026 - 1990, 1, 4);
        // Digital, 8 bits a colour; size at 96 dots an inch; gamma 2.2; sRGB, preferred timing is native.
        put(edid, 0xa0, centimetres(width), centimetres(height), 120, 0x06);
        // The usual chromaticity of sRGB monitors (3.7).
        put(edid, 0xee, 0x91, 0xa3, 0x54, 0x4c, 0x99, 0x26, 0x0f, 0x50, 0x54);
        // 640x480, 800x600 and 1024x768, each at 60 Hz; no standard timings.
        put(edid, 0x21, 0x08, 0);
        put(edid, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1);
        Timing.reducedBlanking(width, height).put(edid);
        text(edid.position(DESCRIPTORS + DESCRIPTOR_SIZE), 0xfc, "gpu-sim");
        text(edid.position(DESCRIPTORS + 2 * DESCRIPTOR_SIZE), 0xfe, width + "x" + height);
        // A dummy descriptor: no further data.
        edid.position(DESCRIPTORS + 3 * DESCRIPTOR_SIZE).put(new byte[] {0, 0, 0, 0x10});
        block[SIZE - 1] = checksum(block);
        return block;
    }

    /** Appends the low byte of each value. */
    private static void put(ByteBuffer edid, int... values) {
        for (int value : values) {
            edid.put((byte) value);
        }
    }

    private static int centimetres(int dots) {
        return (int) Math.min(255, Math.round(dots * 2.54 / 96));
    }

    private static void text(ByteBuffer edid, int tag, String text) {
        edid.put(new byte[] {0, 0, 0, (byte) tag, 0});
        edid.put((text + "\n").getBytes(StandardCharsets.US_ASCII));
        while (edid.position() % DESCRIPTOR_SIZE != 0) {
            edid.put((byte) ' ');
        }
    }

    /** Makes the sum of all bytes 0. */
    private static byte checksum(byte[] block) {
        int sum = 0;
        for (byte value : block) {
            sum += value;
        }
        return (byte) -sum;
    }

    /**
     * The timing of a resolution at 60 Hz: VESA CVT 1.1, reduced blanking (3.4.4).
     *
     * @param clock the pixel clock in the descriptor's unit of 10 kHz
     */
    record Timing(int clock, int width, int height, int verticalBlank, int verticalSync) {
        private static final int HORIZONTAL_BLANK = 160;
        private static final int HORIZONTAL_FRONT = 48;
        private static final int HORIZONTAL_SYNC = 32;
        private static final int VERTICAL_FRONT = 3;
        private static final int VERTICAL_BACK = 6;
        private static final double MIN_VERTICAL_BLANK_US = 460;
        private static final int REFRESH = 60;

        static Timing reducedBlanking(int width, int height) {
            double line = (1e6 / REFRESH - MIN_VERTICAL_BLANK_US) / height;
            int sync = sync(width, height);
            int blank = Math.max((int) (MIN_VERTICAL_BLANK_US / line) + 1, VERTICAL_FRONT + sync + VERTICAL_BACK);
            long dots = (long) REFRESH * (height + blank) * (width + HORIZONTAL_BLANK);
            // The clock is a multiple of 0.25 MHz.
            return new Timing((int) (dots / 250_000 * 25), width, height, blank, sync);
        }

        /** The width of the vertical sync encodes the aspect ratio. */
        private static int sync(int width, int height) {
            if (width * 3 == height * 4) {
                return 4;
            } else if (width * 9 == height * 16) {
                return 5;
            } else if (width * 10 == height * 16) {
                return 6;
            }
            return 10;
        }

        /** The detailed timing descriptor (3.10.2): digital separate sync, horizontal positive. */
        void put(ByteBuffer edid) {
            Edid.put(edid, clock, clock >> 8);
            pair(edid, width, HORIZONTAL_BLANK);
            pair(edid, height, verticalBlank);
            Edid.put(edid, HORIZONTAL_FRONT, HORIZONTAL_SYNC, VERTICAL_FRONT << 4 | verticalSync, 0);
            pair(edid, (int) Math.round(width * 25.4 / 96), (int) Math.round(height * 25.4 / 96));
            Edid.put(edid, 0, 0, 0x1a);
        }

        /** Two 12-bit numbers: the low bytes, then a byte with both upper nibbles. */
        private static void pair(ByteBuffer edid, int first, int second) {
            Edid.put(edid, first, second, first >> 8 << 4 | second >> 8);
        }
    }
}
