package vfio.mdev.table;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import mdev.api.errno.ErrnoException;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import vfio.mdev.iommu.Golden;

/** docs/vfio-api.md: runs every row and verifies its citation of a transcript. */
class VfioApiTableTest {
    private static final Path TABLE =
            Path.of(System.getProperty("basedir", ".")).resolveSibling("docs").resolve("vfio-api.md");
    private static final Map<String, List<Golden>> TRANSCRIPTS = Map.of(
            "golden", Golden.read("/golden/vfio/vfio-api-mtty-2.jsonl"),
            "uart", Golden.read("/golden/vfio/uart-mtty-2.jsonl"));

    private record Row(String call, String name, String answer, String source) {
        static Row of(String line) {
            List<String> cells = Arrays.stream(
                            line.substring(1, line.length() - 1).split("\\|", -1))
                    .map(String::strip)
                    .toList();
            assertEquals(4, cells.size(), line);
            return new Row(cells.get(0), cells.get(1), cells.get(2), cells.get(3));
        }

        String key() {
            return call + " | " + name;
        }
    }

    private static List<Row> rows() throws IOException {
        try (Stream<String> lines = Files.lines(TABLE)) {
            return lines.filter(line -> line.startsWith("| ") && !line.startsWith("| call "))
                    .map(Row::of)
                    .toList();
        }
    }

    private static Map<String, Cases.Case> cases() {
        Cases cases = new Cases();
        UserCases.addTo(cases);
        DmaCases.addTo(cases);
        SpaprCases.addTo(cases);
        VendorCases.addTo(cases);
        MigrationCases.addTo(cases);
        return cases.all;
    }

    @TestFactory
    Stream<DynamicTest> everyRowHolds() throws IOException {
        Map<String, Cases.Case> cases = cases();
        return rows().stream()
                .map(row -> DynamicTest.dynamicTest(row.key(), () -> {
                    assertTrue(cases.containsKey(row.key()), "no case runs this row");
                    assertEquals(row.answer, answer(cases.get(row.key())));
                }));
    }

    @Test
    void everyCaseHasItsRow() throws IOException {
        Set<String> rows = rows().stream().map(Row::key).collect(Collectors.toCollection(LinkedHashSet::new));
        assertEquals(rows().size(), rows.size(), "no row twice");
        assertEquals(rows, cases().keySet().stream().filter(rows::contains).collect(Collectors.toSet()));
        assertEquals(
                Set.of(),
                cases().keySet().stream().filter(key -> !rows.contains(key)).collect(Collectors.toSet()));
    }

    @Test
    void sourcesMatchTheRows() throws IOException {
        for (Row row : rows()) {
            String[] source = row.source.split(" ", -1);
            List<Golden> transcript = TRANSCRIPTS.get(source[0]);
            if (transcript == null) {
                assertFalse(row.source.isEmpty(), row::key);
                assertTrue(row.source.startsWith("here: ") || row.source.endsWith("()"), row::toString);
            } else {
                Golden line = transcript.get(Integer.parseInt(source[1]) - 1);
                String errno = line.text("errno");
                assertEquals(row.answer, errno.isEmpty() ? "ok" : errno, () -> row + " from " + line);
                String said = line.text("cmd") + line.text("op");
                assertTrue(said.contains(row.call.split(" ", -1)[0]), () -> row + " from " + line);
            }
        }
    }

    private static String answer(Cases.Case run) throws Exception {
        try (Rig rig = new Rig()) {
            run.run(rig);
            return "ok";
        } catch (ErrnoException e) {
            return e.errno().name();
        }
    }
}
