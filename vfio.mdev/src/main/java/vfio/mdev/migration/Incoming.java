package vfio.mdev.migration;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import mdev.api.errno.ErrnoException;
import mdev.api.state.DeviceState;
import mdev.state.StateDocument;
import org.jspecify.annotations.Nullable;

/**
 * The stream that a device's user writes, in pieces of any size. The parts of its memories are applied as they come;
 * the state is kept for {@link #finish}. A stream is bounded: one state, and each byte of a memory once. Not
 * thread-safe.
 */
public final class Incoming {
    private final Format format = new Format();
    private final String type;
    private final List<Memory> memories;

    /** The length of the current frame and then its document, as far as they have come. */
    private final ByteArrayOutputStream frame = new ByteArrayOutputStream();

    /** The length of the current frame's document; -1 before its length has come. */
    private int length = -1;

    private boolean begun;
    private @Nullable DeviceState state;
    private boolean ended;
    private long parts;

    /** Where the next part can begin. */
    private int memory;

    private long position;

    /** Why the stream cannot be read. */
    private @Nullable ErrnoException failure;

    /**
     * @param type of the device
     * @param memories of its regions, filled with zeroes, which stay while this is used
     */
    public Incoming(String type, List<Memory> memories) {
        this.type = type;
        this.memories = memories;
    }

    /**
     * The type of the device whose stream begins here.
     *
     * @throws ErrnoException EINVAL: not the stream of a device
     */
    public static String type(InputStream in) throws IOException, ErrnoException {
        Incoming begin = new Incoming("", List.of());
        byte[] length = in.readNBytes(Format.LENGTH);
        if (length.length < Format.LENGTH) {
            throw Format.invalid("it has " + length.length + " bytes");
        }
        DeviceState head = begin.format.document(in.readNBytes(begin.length(length)));
        checkHead(head);
        String type = head.text(Format.TYPE);
        if (!type.matches("[\\w.:-]{1,255}")) {
            throw Format.invalid("it is of a device of type " + Format.shown(type));
        }
        return type;
    }

    /** @throws ErrnoException EINVAL: not a stream for this device; all later calls fail with the same */
    public void write(MemorySegment data) throws ErrnoException {
        if (failure != null) {
            throw failure;
        }
        try {
            accept(data);
        } catch (ErrnoException e) {
            failure = e;
            throw e;
        }
    }

    private void accept(MemorySegment data) throws ErrnoException {
        long at = 0;
        while (at < data.byteSize()) {
            if (ended) {
                throw Format.invalid("it continues after its end");
            }
            int wanted = length < 0 ? Format.LENGTH : length;
            long piece = Math.min(data.byteSize() - at, wanted - frame.size());
            frame.writeBytes(data.asSlice(at, piece).toArray(ValueLayout.JAVA_BYTE));
            at += piece;
            if (frame.size() == wanted) {
                byte[] complete = frame.toByteArray();
                frame.reset();
                if (length < 0) {
                    length = length(complete);
                } else {
                    length = -1;
                    accept(format.document(complete));
                }
            }
        }
    }

    /** A frame takes memory only as it comes, and only the state's frame can be large. */
    private int length(byte[] bytes) throws ErrnoException {
        long claimed = 0;
        for (int i = 0; i < Format.LENGTH; i++) {
            claimed |= (bytes[i] & 0xffL) << (8 * i);
        }
        int most = begun && state == null ? StateDocument.MAX_BYTES : Format.PART + Format.OVERHEAD;
        if (claimed == 0 || claimed > most) {
            throw Format.invalid("a frame of " + claimed + " bytes, at most " + most);
        }
        return (int) claimed;
    }

    private void accept(DeviceState document) throws ErrnoException {
        if (!begun) {
            begin(document);
        } else if (state == null) {
            state = document;
        } else if (document.has(Format.PARTS)) {
            if (document.number(Format.PARTS) != parts) {
                throw Format.invalid("it has " + parts + " parts of " + document.number(Format.PARTS));
            }
            ended = true;
        } else {
            part(document);
        }
    }

    private static void checkHead(DeviceState head) throws ErrnoException {
        if (!head.has(Format.STREAM) || !head.text(Format.STREAM).equals(Format.NAME)) {
            throw Format.invalid("it is not the state of a device");
        }
        if (head.version() != Format.VERSION) {
            throw Format.invalid("it has version " + head.version() + ", this platform reads " + Format.VERSION);
        }
    }

    private void begin(DeviceState head) throws ErrnoException {
        checkHead(head);
        if (!head.text(Format.TYPE).equals(type)) {
            throw Format.invalid(
                    "it is of a device of type " + Format.shown(head.text(Format.TYPE)) + ", this one is " + type);
        }
        if (!head.list(Format.REGIONS).equals(Format.regions(memories))) {
            throw Format.invalid("its memories (region, size) are " + Format.shown(head.list(Format.REGIONS))
                    + ", those of this device " + Format.regions(memories));
        }
        begun = true;
    }

    private void part(DeviceState part) throws ErrnoException {
        long region = part.number(Format.REGION);
        long offset = part.number(Format.OFFSET);
        byte[] data = part.bytes(Format.DATA);
        while (memory < memories.size() && memories.get(memory).region() != region) {
            memory++;
            position = 0;
        }
        if (memory == memories.size()) {
            throw Format.invalid("a part of region " + region + " which has no memory, or came earlier");
        }
        MemorySegment to = memories.get(memory).bytes();
        if (data.length == 0 || offset < position || offset > to.byteSize() - data.length) {
            throw Format.invalid("a part of region %d at %d for %d bytes, after %d of %d"
                    .formatted(region, offset, data.length, position, to.byteSize()));
        }
        MemorySegment.copy(data, 0, to, ValueLayout.JAVA_BYTE, offset, data.length);
        position = offset + data.length;
        parts++;
    }

    /**
     * The device's state, when all has been written.
     *
     * @throws ErrnoException EINVAL: the stream could not be read, or is not complete
     */
    public DeviceState finish() throws ErrnoException {
        if (failure != null) {
            throw failure;
        }
        DeviceState complete = state;
        if (!ended || complete == null) {
            throw Format.invalid("it has no end");
        }
        return complete;
    }
}
