package mdev.console.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import mdev.api.shell.ShellResult;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class PlainTextTest {
    private static SequencedMap<String, @Nullable Object> fields(@Nullable Object... pairs) {
        SequencedMap<String, @Nullable Object> fields = new LinkedHashMap<>();
        for (int i = 0; i < pairs.length; i += 2) {
            fields.put(String.valueOf(pairs[i]), pairs[i + 1]);
        }
        return fields;
    }

    @Test
    void numbersAreRightAligned() {
        List<List<@Nullable Object>> rows = new ArrayList<>();
        rows.add(Arrays.asList("mtty-1", 24, true, List.of("a", "b"), null));
        rows.add(Arrays.asList("a-long-name", 7, false, List.of(), null));
        rows.add(Arrays.asList(null, null, null, null, null));
        assertEquals(
                """
                TYPE         AVAILABLE_INSTANCES  BOUND  DEVICES  USER
                mtty-1                        24  yes    a,b      -
                a-long-name                    7  no     -        -
                -                              -  -      -        -
                """,
                render(new ShellResult.Listing(
                        List.of("type", "available_instances", "bound", "devices", "user"), rows)));
    }

    private static String render(ShellResult result) {
        return PlainText.render(result, Integer.MAX_VALUE);
    }

    @Test
    void wideTableWrapsItsWidestColumn() {
        List<List<@Nullable Object>> rows = List.of(
                List.of("mtty", "failed: the class vendor.mtty.Card cannot be loaded", 3), List.of("gpu", "live", 12));
        ShellResult listing = new ShellResult.Listing(List.of("module", "state", "devices"), rows);
        assertEquals("""
                MODULE  STATE                    DEVICES
                mtty    failed: the class              3
                        vendor.mtty.Card cannot
                        be loaded
                gpu     live                          12
                """, PlainText.render(listing, 40));
        assertEquals(render(listing), PlainText.render(listing, 72), "it fits");
        assertEquals(render(listing), PlainText.render(listing, 20), "it cannot fit");
    }

    @Test
    void tableWithinDetailsWraps() {
        ShellResult details = new ShellResult.Details(
                fields("regions", List.of(fields("path", "/sys/devices/virtual/mtty/mtty", "size", 8))));
        assertEquals("""
                regions:
                  PATH                    SIZE
                  /sys/devices/virtual/      8
                  mtty/mtty
                """, PlainText.render(details, 30));
    }

    @Test
    void emptyListingIsItsHeading() {
        assertEquals("UUID  TYPE\n", render(new ShellResult.Listing(List.of("uuid", "type"), List.of())));
    }

    @Test
    void controlCharactersAreEscaped() {
        List<List<@Nullable Object>> rows = List.of(List.of("a\tb\nc\u001b[31m"));
        assertEquals("NAME\na\\tb\\nc\\x1b[31m\n", render(new ShellResult.Listing(List.of("name"), rows)));
    }

    @Test
    void detailsNest() {
        ShellResult details = new ShellResult.Details(fields(
                "uuid",
                "83b8",
                "driver",
                null,
                "parent",
                fields("name", "mtty", "ports", 24),
                "regions",
                List.of(fields("index", 0, "size", 8), fields("index", 7, "size", 256)),
                "qemu",
                "-device a\n-device b",
                "empty",
                Map.of()));
        assertEquals("""
                uuid:     83b8
                driver:   -
                parent:
                  name:   mtty
                  ports:  24
                regions:
                  INDEX  SIZE
                      0     8
                      7   256
                qemu:
                  -device a
                  -device b
                empty:    -
                """, render(details));
    }

    @Test
    void textIsUnchanged() {
        assertEquals("no newline", render(new ShellResult.Text("no newline")));
        assertEquals("", render(ShellResult.DONE));
    }

    @Test
    void jsonEscapes() {
        ShellResult details = new ShellResult.Details(fields(
                "text",
                "a\"b\\c\n\u0001ü",
                "none",
                null,
                "big",
                Long.MAX_VALUE,
                "half",
                0.5,
                "list",
                List.of("x", true, fields("k", List.of()))));
        assertEquals("""
                {
                  "text" : "a\\"b\\\\c\\n\\u0001ü",
                  "none" : null,
                  "big" : 9223372036854775807,
                  "half" : 0.5,
                  "list" : [ "x", true, {
                    "k" : [ ]
                  } ]
                }
                """, Json.render(details));
        assertEquals("\"a\\tb\"\n", Json.render(new ShellResult.Text("a\tb")));
        assertEquals("[ ]\n", Json.render(new ShellResult.Listing(List.of("uuid"), List.of())));
        assertEquals("", Json.render(ShellResult.DONE));
    }
}
