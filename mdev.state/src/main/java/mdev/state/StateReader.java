package mdev.state;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.core.JsonParser.NumberType;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.dataformat.cbor.CBORParser;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.state.DeviceState;
import org.jspecify.annotations.Nullable;

/** Reads one state from untrusted bytes. */
final class StateReader {
    private final CBORParser parser;
    private int values;

    StateReader(CBORParser parser) {
        this.parser = parser;
    }

    DeviceState read() throws IOException, ErrnoException {
        try {
            require(parser.nextToken() == JsonToken.START_OBJECT, "it is not a map");
            field(StateDocument.FORMAT);
            long format = number();
            require(
                    format == StateDocument.FORMAT_VERSION,
                    "it has format " + format + ", this version reads " + StateDocument.FORMAT_VERSION);
            field(StateDocument.VERSION);
            long version = number();
            require(version >= 1 && version <= Integer.MAX_VALUE, "its version is " + version);
            field(StateDocument.FIELDS);
            require(parser.nextToken() == JsonToken.START_OBJECT, "its fields are not a map");
            Map<String, Object> fields = map(0);
            require(parser.nextToken() == JsonToken.END_OBJECT, "it has more than its fields");
            require(parser.nextToken() == null, "more bytes follow it");
            return new DeviceState((int) version, fields);
        } catch (JacksonException e) {
            throw invalid(e.getOriginalMessage().lines().findFirst().orElse("it is not CBOR"));
        }
    }

    private void field(String name) throws IOException, ErrnoException {
        require(
                parser.nextToken() == JsonToken.FIELD_NAME && name.equals(parser.currentName()),
                "it has no " + name + " where that belongs");
    }

    private long number() throws IOException, ErrnoException {
        Object value = value(parser.nextToken(), "the head", 0);
        return value instanceof Long number ? number : -1;
    }

    /** @param depth of the values, from 0 */
    private Map<String, Object> map(int depth) throws IOException, ErrnoException {
        Map<String, Object> fields = new LinkedHashMap<>();
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
            String name = parser.currentName();
            require(!name.isEmpty(), "a name is empty");
            require(
                    name.length() <= StateDocument.MAX_NAME,
                    "a name has " + name.length() + " characters, at most " + StateDocument.MAX_NAME);
            Object value = value(parser.nextToken(), name, depth);
            require(fields.put(name, value) == null, "it has two fields " + name);
        }
        require(parser.currentToken() == JsonToken.END_OBJECT, "a map does not end");
        return fields;
    }

    private List<Object> list(String name, int depth) throws IOException, ErrnoException {
        List<Object> values = new ArrayList<>();
        while (true) {
            JsonToken token = parser.nextToken();
            if (token == JsonToken.END_ARRAY) {
                return values;
            }
            values.add(value(token, name, depth));
        }
    }

    private Object value(@Nullable JsonToken token, String name, int depth) throws IOException, ErrnoException {
        require(++values <= StateDocument.MAX_VALUES, "it has more than " + StateDocument.MAX_VALUES + " values");
        require(
                depth < DeviceState.MAX_DEPTH,
                "field " + name + " is nested more than " + DeviceState.MAX_DEPTH + " levels");
        return switch (token) {
            case VALUE_NUMBER_INT -> {
                require(parser.getNumberType() != NumberType.BIG_INTEGER, name + " has more than 64 bits");
                yield parser.getLongValue();
            }
            case VALUE_TRUE -> true;
            case VALUE_FALSE -> false;
            case VALUE_STRING -> parser.getText();
            case VALUE_EMBEDDED_OBJECT -> parser.getBinaryValue();
            case START_OBJECT -> map(depth + 1);
            case START_ARRAY -> list(name, depth + 1);
            case null -> throw invalid("it ends within " + name);
            default -> throw invalid(name + " is " + token + ", which a state cannot have");
        };
    }

    private static void require(boolean right, String reason) throws ErrnoException {
        if (!right) {
            throw invalid(reason);
        }
    }

    static ErrnoException invalid(String reason) {
        // The reason may have names that anyone has written.
        return new ErrnoException(Errno.EINVAL, "not the state of a device: " + reason.replaceAll("\\p{Cntrl}", "?"));
    }
}
