package mdev.state;

import com.fasterxml.jackson.dataformat.cbor.CBORGenerator;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.state.DeviceState;

/** Writes one state. */
final class StateWriter {
    private final CBORGenerator generator;
    private int values;

    StateWriter(CBORGenerator generator) {
        this.generator = generator;
    }

    void write(DeviceState state) throws IOException, ErrnoException {
        generator.writeStartObject(null, 3);
        generator.writeFieldName(StateDocument.FORMAT);
        generator.writeNumber(StateDocument.FORMAT_VERSION);
        generator.writeFieldName(StateDocument.VERSION);
        generator.writeNumber(state.version());
        generator.writeFieldName(StateDocument.FIELDS);
        map(state.fields());
        generator.writeEndObject();
    }

    private void map(Map<?, ?> fields) throws IOException, ErrnoException {
        generator.writeStartObject(null, fields.size());
        for (Map.Entry<?, ?> field : fields.entrySet()) {
            String name = (String) field.getKey();
            if (name.length() > StateDocument.MAX_NAME) {
                throw tooBig("a name has " + name.length() + " characters, at most " + StateDocument.MAX_NAME);
            }
            generator.writeFieldName(name);
            value(name, field.getValue());
        }
        generator.writeEndObject();
    }

    private void value(String name, Object value) throws IOException, ErrnoException {
        if (++values > StateDocument.MAX_VALUES) {
            throw tooBig("it has more than " + StateDocument.MAX_VALUES + " values");
        }
        switch (value) {
            case Long number -> generator.writeNumber(number);
            case Boolean flag -> generator.writeBoolean(flag);
            case String text -> {
                if (text.length() > StateDocument.MAX_TEXT) {
                    throw tooBig(name + " has " + text.length() + " characters, at most " + StateDocument.MAX_TEXT);
                }
                generator.writeString(text);
            }
            case byte[] bytes -> generator.writeBinary(bytes);
            case List<?> list -> {
                generator.writeStartArray(null, list.size());
                for (Object each : list) {
                    value(name, each);
                }
                generator.writeEndArray();
            }
            case Map<?, ?> nested -> map(nested);
            default -> throw new AssertionError(value.getClass()); // DeviceState has no others
        }
    }

    static ErrnoException tooBig(String reason) {
        return new ErrnoException(Errno.EFBIG, "the device's state cannot be written: " + reason);
    }
}
