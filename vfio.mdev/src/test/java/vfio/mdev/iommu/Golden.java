package vfio.mdev.iommu;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** A line of a golden transcript: a request to the real kernel and its answer. */
public record Golden(int line, Map<String, Object> fields) {
    private static final JsonFactory JSON = new JsonFactory();

    /** The lines of a file of the test resources. */
    public static List<Golden> read(String name) {
        try (InputStream in = Objects.requireNonNull(Golden.class.getResourceAsStream(name), name);
                BufferedReader lines = new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8))) {
            List<Golden> all = new ArrayList<>();
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                try (JsonParser parser = JSON.createParser(line)) {
                    parser.nextToken();
                    all.add(new Golden(all.size() + 1, object(parser)));
                }
            }
            return all;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static Map<String, Object> object(JsonParser parser) throws IOException {
        Map<String, Object> fields = new LinkedHashMap<>();
        while (parser.nextToken() != JsonToken.END_OBJECT) {
            String name = parser.currentName();
            Object value = switch (parser.nextToken()) {
                case START_OBJECT -> object(parser);
                case VALUE_NUMBER_INT -> parser.getLongValue();
                case VALUE_TRUE -> true;
                case VALUE_FALSE -> false;
                case VALUE_STRING -> parser.getText();
                default -> "";
            };
            fields.put(name, value);
        }
        return fields;
    }

    public String text(String name) {
        return String.valueOf(fields.getOrDefault(name, ""));
    }

    /** A field of {@code in}, {@code out} or another inner object. */
    public @Nullable Object at(String object, String name) {
        return fields.get(object) instanceof Map<?, ?> inner ? inner.get(name) : null;
    }

    public boolean has(String object, String name) {
        return at(object, name) != null;
    }

    /** A number, written as a number or in hexadecimal. */
    public long number(String object, String name) {
        Object value = at(object, name);
        return value instanceof Long number
                ? number
                : Long.parseUnsignedLong(String.valueOf(value).substring(2), 16);
    }

    @Override
    public String toString() {
        return "line " + line + ": " + fields;
    }
}
