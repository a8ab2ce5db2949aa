package vendor.gpusim.display;

import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.zip.CRC32;
import java.util.zip.DeflaterOutputStream;

/**
 * A picture as a PNG file (ISO/IEC 15948). {@code javax.imageio} would leave AWT threads in the platform, which would
 * keep an uninstalled bundle reachable.
 */
public final class Png {
    private static final long SIGNATURE = 0x8950_4e47_0d0a_1a0aL;
    private static final int HEADER = 13;
    private static final byte BITS = 8;
    private static final byte TRUECOLOUR = 2;
    private static final int UNFILTERED = 0;

    private Png() {}

    /** Writes the whole file; does not close the stream. */
    public static void write(Picture picture, OutputStream out) throws IOException {
        var png = new DataOutputStream(out);
        png.writeLong(SIGNATURE);
        // The rest is 0, the only or the usual value of each field: deflated, adaptive filters, not interlaced.
        var header = ByteBuffer.allocate(HEADER).putInt(picture.width()).putInt(picture.height());
        chunk(png, "IHDR", header.put(BITS).put(TRUECOLOUR).array());
        chunk(png, "IDAT", data(picture));
        chunk(png, "IEND", new byte[0]);
        png.flush();
    }

    private static byte[] data(Picture picture) throws IOException {
        var bytes = new ByteArrayOutputStream();
        try (var deflated = new DeflaterOutputStream(bytes)) {
            byte[] line = new byte[1 + 3 * picture.width()];
            line[0] = UNFILTERED;
            int pixel = 0;
            for (int y = 0; y < picture.height(); y++) {
                for (int at = 1; at < line.length; at += 3) {
                    int rgb = picture.rgb()[pixel++];
                    line[at] = (byte) (rgb >> 16);
                    line[at + 1] = (byte) (rgb >> 8);
                    line[at + 2] = (byte) rgb;
                }
                deflated.write(line);
            }
        }
        return bytes.toByteArray();
    }

    private static void chunk(DataOutputStream png, String type, byte[] data) throws IOException {
        byte[] name = type.getBytes(StandardCharsets.US_ASCII);
        var crc = new CRC32();
        crc.update(name);
        crc.update(data);
        png.writeInt(data.length);
        png.write(name);
        png.write(data);
        png.writeInt((int) crc.getValue());
    }
}
