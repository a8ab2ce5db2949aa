package mdev.state;

import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.dataformat.cbor.CBORFactory;
import com.fasterxml.jackson.dataformat.cbor.CBORGenerator;
import com.fasterxml.jackson.dataformat.cbor.CBORParser;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import mdev.api.errno.ErrnoException;
import mdev.api.state.DeviceState;

/**
 * A {@link DeviceState} as one CBOR document (RFC 8949), streamed in both directions. Its values are text, bytes,
 * integers, booleans, arrays and maps:
 *
 * <pre>
 * 55799({"mdev-state": 1, "version": 3, "fields": {"bar0": {"count": 2, "data": h'0102'}}})
 * </pre>
 *
 * <p>{@code mdev-state} is the version of this format, {@code version} the driver's version of its fields. The limits
 * apply in both directions, so that every written document can be read.
 */
public final class StateDocument {
    /** The maximum size of a document. */
    public static final int MAX_BYTES = 16 << 20;

    /** The maximum length of a field's name, in characters. */
    public static final int MAX_NAME = 255;

    /** The maximum length of a text, in characters. */
    public static final int MAX_TEXT = 1 << 16;

    /** The maximum number of values, in all maps and lists together. */
    public static final int MAX_VALUES = 1 << 18;

    static final String FORMAT = "mdev-state";
    static final int FORMAT_VERSION = 1;
    static final String VERSION = "version";
    static final String FIELDS = "fields";

    private final CBORFactory cbor;

    public StateDocument() {
        cbor = CBORFactory.builder()
                .enable(CBORGenerator.Feature.WRITE_TYPE_HEADER)
                .streamReadConstraints(StreamReadConstraints.builder()
                        .maxNestingDepth(DeviceState.MAX_DEPTH + 2) // two are the format's; fields are checked below
                        .maxNameLength(MAX_NAME * 4) // in bytes
                        .maxStringLength(MAX_TEXT)
                        .build())
                .build();
    }

    /**
     * Writes a state; the stream stays open.
     *
     * @throws ErrnoException EFBIG: the state exceeds a limit of this class
     */
    public void write(DeviceState state, OutputStream out) throws IOException, ErrnoException {
        BoundedOutput bounded = new BoundedOutput(out, MAX_BYTES);
        try (CBORGenerator generator = cbor.createGenerator(bounded)) {
            new StateWriter(generator).write(state);
        } catch (BoundedOutput.Full e) {
            throw StateWriter.tooBig("its document has more than " + MAX_BYTES + " bytes");
        }
        out.flush();
    }

    /**
     * Reads a state up to the end of the stream, which stays open.
     *
     * @throws ErrnoException EINVAL: not such a document, or it exceeds a limit of this class
     */
    public DeviceState read(InputStream in) throws IOException, ErrnoException {
        BoundedInput bounded = new BoundedInput(in, MAX_BYTES);
        try (CBORParser parser = cbor.createParser(bounded)) {
            return new StateReader(parser).read();
        } catch (BoundedInput.Exceeded e) {
            throw StateReader.invalid("it has more than " + MAX_BYTES + " bytes");
        }
    }
}
