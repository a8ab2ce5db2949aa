package vfio.user.conformance;

import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Map;
import java.util.TreeMap;

/** Reads the version data of an answer. */
final class Json {
    private Json() {}

    /** The values by dotted name: all names must begin with the prefix, which is removed. */
    static Map<String, String> leaves(String json, String prefix) {
        Map<String, String> leaves = new TreeMap<>();
        try (JsonParser parser = new JsonFactory().createParser(json)) {
            for (JsonToken token = parser.nextToken(); token != null; token = parser.nextToken()) {
                if (token.isScalarValue()) {
                    String path = parser.getParsingContext().pathAsPointer().toString();
                    String name = path.substring(1).replace('/', '.');
                    assertTrue(name.startsWith(prefix), () -> name + " is not in " + prefix);
                    leaves.put(name.substring(prefix.length()), parser.getText());
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException("not JSON: " + json, e);
        }
        return leaves;
    }
}
