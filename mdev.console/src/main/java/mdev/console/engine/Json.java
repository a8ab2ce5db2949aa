package mdev.console.engine;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.Map;
import mdev.api.shell.ShellResult;
import org.jspecify.annotations.Nullable;

/** Renders results as indented JSON (RFC 8259). */
final class Json {
    private Json() {}

    static String render(ShellResult result) {
        StringWriter text = new StringWriter();
        try (JsonGenerator json = new JsonFactory().createGenerator(text)) {
            json.useDefaultPrettyPrinter();
            switch (result) {
                case ShellResult.Done _ -> {
                    return "";
                }
                case ShellResult.Text(String value) -> json.writeString(value);
                case ShellResult.Listing(List<String> columns, List<List<@Nullable Object>> rows, int _) -> {
                    json.writeStartArray();
                    for (List<@Nullable Object> row : rows) {
                        json.writeStartObject();
                        for (int i = 0; i < columns.size(); i++) {
                            json.writeFieldName(columns.get(i));
                            write(json, row.get(i));
                        }
                        json.writeEndObject();
                    }
                    json.writeEndArray();
                }
                case ShellResult.Details(var fields) -> write(json, fields);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return text.append('\n').toString();
    }

    /** An object on a line of its own. */
    static String line(Map<String, ? extends @Nullable Object> fields) {
        StringWriter text = new StringWriter();
        try (JsonGenerator json = new JsonFactory().createGenerator(text)) {
            write(json, fields);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return text.append('\n').toString();
    }

    private static void write(JsonGenerator json, @Nullable Object value) throws IOException {
        switch (value) {
            case null -> json.writeNull();
            case Boolean truth -> json.writeBoolean(truth);
            case Integer number -> json.writeNumber(number);
            case Long number -> json.writeNumber(number);
            case Number number -> json.writeNumber(number.toString());
            case List<?> list -> {
                json.writeStartArray();
                for (Object element : list) {
                    write(json, element);
                }
                json.writeEndArray();
            }
            case Map<?, ?> map -> {
                json.writeStartObject();
                for (Map.Entry<?, ?> entry : map.entrySet()) {
                    json.writeFieldName(String.valueOf(entry.getKey()));
                    write(json, entry.getValue());
                }
                json.writeEndObject();
            }
            default -> json.writeString(value.toString());
        }
    }
}
