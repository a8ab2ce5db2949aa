package vfio.mdev.migration;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.List;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.state.DeviceState;
import mdev.state.StateDocument;

/**
 * The stream of a device's state: frames, each a length of 4 bytes (little endian) and a document ({@link
 * StateDocument}).
 *
 * <ol>
 *   <li>the head, whose version is that of the stream: {@code stream} {@value #NAME}, {@code type} of the device,
 *       {@code regions}: a list of the indices and sizes of its memories
 *   <li>the state, as the driver has saved it
 *   <li>for each part of a memory that is no hole, in order: {@code region}, {@code offset}, {@code data}
 *   <li>the end: {@code parts}, their number
 * </ol>
 */
final class Format {
    static final String NAME = "mdev-migration";
    static final int VERSION = 1;

    /** The length of the length of a frame. */
    static final int LENGTH = Integer.BYTES;

    /** The largest part of a memory in one frame. */
    static final int PART = 256 << 10;

    /** More than a frame of a part has beside its data. */
    static final int OVERHEAD = 128;

    private static final int SHOWN = 100;

    static final String STREAM = "stream";
    static final String TYPE = "type";
    static final String REGIONS = "regions";
    static final String REGION = "region";
    static final String OFFSET = "offset";
    static final String DATA = "data";
    static final String PARTS = "parts";

    private final StateDocument document = new StateDocument();

    static DeviceState head(String type, List<Memory> memories) {
        return DeviceState.version(VERSION).with(STREAM, NAME).with(TYPE, type).with(REGIONS, regions(memories));
    }

    static List<List<Long>> regions(List<Memory> memories) {
        return memories.stream()
                .map(memory -> List.of((long) memory.region(), memory.bytes().byteSize()))
                .toList();
    }

    /** A frame with the document. */
    byte[] frame(DeviceState state) throws ErrnoException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.writeBytes(new byte[LENGTH]);
        try {
            document.write(state, out);
        } catch (IOException e) {
            throw new ErrnoException(Errno.EIO, e.toString());
        }
        byte[] frame = out.toByteArray();
        int length = frame.length - LENGTH;
        for (int i = 0; i < LENGTH; i++) {
            frame[i] = (byte) (length >>> (8 * i));
        }
        return frame;
    }

    /** The document of a frame. */
    DeviceState document(byte[] bytes) throws ErrnoException {
        try {
            return document.read(new ByteArrayInputStream(bytes));
        } catch (IOException e) {
            throw new ErrnoException(Errno.EIO, e.toString());
        }
    }

    /** What anyone may have written, for one line of a log. */
    static String shown(Object value) {
        String text = value.toString().replaceAll("\\p{Cntrl}", "?");
        return text.length() <= SHOWN ? text : text.substring(0, SHOWN) + "...";
    }

    static ErrnoException invalid(String reason) {
        return new ErrnoException(Errno.EINVAL, "the stream cannot be read: " + reason);
    }
}
