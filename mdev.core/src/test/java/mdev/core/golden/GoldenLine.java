package mdev.core.golden;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * One line of a golden transcript: a reply of the real kernel.
 *
 * @param file the transcript
 * @param number the line, from 1
 * @param fields the JSON object; numbers as {@link Long}, arrays as lists
 */
public record GoldenLine(String file, int number, Map<String, @Nullable Object> fields) {
    private static final JsonFactory JSON = new JsonFactory();

    /** Reads a transcript from {@code /golden} among this class's resources. */
    public static List<GoldenLine> read(String file) throws IOException {
        List<GoldenLine> lines = new ArrayList<>();
        try (InputStream stream = GoldenLine.class.getResourceAsStream("/golden/" + file)) {
            if (stream == null) {
                throw new IOException("no golden file " + file);
            }
            BufferedReader reader = new BufferedReader(new InputStreamReader(stream, StandardCharsets.UTF_8));
            for (String line = reader.readLine(); line != null; line = reader.readLine()) {
                try (JsonParser parser = JSON.createParser(line)) {
                    parser.nextToken();
                    lines.add(new GoldenLine(file, lines.size() + 1, object(parser)));
                }
            }
        }
        return lines;
    }

    private static Map<String, @Nullable Object> object(JsonParser parser) throws IOException {
        Map<String, @Nullable Object> fields = new LinkedHashMap<>();
        while (parser.nextToken() != JsonToken.END_OBJECT) {
            String name = parser.currentName();
            parser.nextToken();
            fields.put(name, value(parser));
        }
        return fields;
    }

    private static @Nullable Object value(JsonParser parser) throws IOException {
        return switch (parser.currentToken()) {
            case START_OBJECT -> object(parser);
            case START_ARRAY -> {
                List<@Nullable Object> list = new ArrayList<>();
                while (parser.nextToken() != JsonToken.END_ARRAY) {
                    list.add(value(parser));
                }
                yield list;
            }
            case VALUE_NUMBER_INT -> parser.getLongValue();
            case VALUE_NUMBER_FLOAT -> parser.getDoubleValue();
            case VALUE_TRUE -> true;
            case VALUE_FALSE -> false;
            case VALUE_NULL -> null;
            default -> parser.getText();
        };
    }

    public boolean has(String field) {
        return fields.get(field) != null;
    }

    /** The field, or an empty text. */
    public String text(String field) {
        Object value = fields.get(field);
        return value == null ? "" : value.toString();
    }

    @Override
    public String toString() {
        return file + ":" + number + " " + fields;
    }
}
