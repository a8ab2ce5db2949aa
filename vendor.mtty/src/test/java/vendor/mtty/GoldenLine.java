package vendor.mtty;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * A line of a golden transcript.
 *
 * @param number from 1
 * @param fields by name; those of an inner object with its name before, as in {@code out.size}; null is left out
 */
record GoldenLine(int number, Map<String, String> fields) {
    static List<GoldenLine> load(String file) throws IOException {
        List<GoldenLine> lines = new ArrayList<>();
        try (InputStream stream = Objects.requireNonNull(GoldenLine.class.getResourceAsStream("/golden/vfio/" + file));
                var reader = new BufferedReader(new InputStreamReader(stream, StandardCharsets.UTF_8))) {
            for (String text = reader.readLine(); text != null; text = reader.readLine()) {
                lines.add(new GoldenLine(lines.size() + 1, parse(text)));
            }
        }
        return lines;
    }

    private static Map<String, String> parse(String json) throws IOException {
        Map<String, String> fields = new HashMap<>();
        try (JsonParser parser = new JsonFactory().createParser(json)) {
            String outer = "";
            String name = "";
            for (JsonToken token = parser.nextToken(); token != null; token = parser.nextToken()) {
                switch (token) {
                    case FIELD_NAME -> name = parser.currentName();
                    case START_OBJECT -> outer = name.isEmpty() ? "" : name + ".";
                    case END_OBJECT -> outer = "";
                    case VALUE_NULL -> {}
                    default -> fields.put(outer + name, parser.getText());
                }
            }
        }
        return fields;
    }

    boolean has(String field) {
        return fields.containsKey(field);
    }

    String get(String field) {
        return fields.getOrDefault(field, "");
    }

    int number(String field) {
        return Integer.parseUnsignedInt(get(field).replace("0x", ""), get(field).startsWith("0x") ? 16 : 10);
    }

    long offset() {
        return Long.decode(get("offset"));
    }
}
