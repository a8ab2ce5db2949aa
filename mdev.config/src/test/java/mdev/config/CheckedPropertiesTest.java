package mdev.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.UUID;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class CheckedPropertiesTest {
    private static final IntKey KEY = new IntKey("timeout", 5, 10, 7);
    private static final Path LOG = Path.of("target", "surefire.log");

    /** Names the PID of this test in the log. */
    private final String pid = "test." + UUID.randomUUID();

    private String warnings() throws IOException {
        return Files.readAllLines(LOG).stream()
                .filter(line -> line.contains(pid))
                .map(line -> line.substring(line.indexOf(pid) + pid.length()) + "\n")
                .reduce("", String::concat);
    }

    @ParameterizedTest
    @CsvSource({"5, 5", "10, 10", "' 6 ', 6"})
    void acceptsAValidString(String value, int taken) throws IOException {
        assertEquals(taken, new CheckedProperties(pid, Map.of("timeout", value), KEY).get(KEY));
        assertEquals("", warnings());
    }

    @Test
    void acceptsANumber() {
        assertEquals(8, new CheckedProperties(pid, Map.of("timeout", 8), KEY).get(KEY));
    }

    @Test
    void usesTheDefaultForAMissingValue() throws IOException {
        Map<String, Object> properties = Map.of("service.pid", pid, "component.id", 3L);
        assertEquals(7, new CheckedProperties(pid, properties, KEY).get(KEY));
        assertEquals("", warnings());
    }

    @ParameterizedTest
    @CsvSource({"4", "11", "-1", "7s", "''", "99999999999"})
    void reportsAndReplacesAnInvalidValue(String value) throws IOException {
        assertEquals(7, new CheckedProperties(pid, Map.of("timeout", value), KEY).get(KEY));
        assertEquals(": timeout=" + value + " is not an integer from 5 to 10; using 7\n", warnings());
    }

    @Test
    void reportsAnUnknownKey() throws IOException {
        assertEquals(7, new CheckedProperties(pid, Map.of("timeuot", "8"), KEY).get(KEY));
        assertTrue(warnings().contains(": unknown key 'timeuot' (keys: timeout)"), warnings());
    }
}
