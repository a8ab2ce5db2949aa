package itests;

import static java.util.stream.Collectors.groupingBy;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Style rules that neither the compiler nor the formatter checks. */
final class SourceStyleTest {
    private static final Path ROOT = Path.of("..").toAbsolutePath().normalize();

    private static final int COLUMNS = 120;

    /** The number of remaining longer lines. Lower it with each wrapped line; remove it at 0. */
    private static final int LONG_LINES = 30;

    /** The formatter wraps code, but neither comments nor strings. */
    @Test
    void linesFitTheFormattersWidth() throws IOException {
        List<String> tooLong = new ArrayList<>();
        for (Path source : sources("src")) {
            List<String> lines = Files.readAllLines(source);
            for (int i = 0; i < lines.size(); i++) {
                String line = lines.get(i);
                if (line.codePointCount(0, line.length()) > COLUMNS) {
                    tooLong.add(ROOT.relativize(source) + ":" + (i + 1));
                }
            }
        }
        assertTrue(
                tooLong.size() <= LONG_LINES,
                () -> "%d lines are longer than %d columns, %d are known:%n%s"
                        .formatted(tooLong.size(), COLUMNS, LONG_LINES, String.join("\n", tooLong)));
    }

    /** A simple name in a stack trace or log line identifies its class. */
    @Test
    void classNameOccursOnce() throws IOException {
        var twice = new TreeSet<String>();
        sources("src/main").stream()
                .map(source -> source.getFileName().toString().replace(".java", ""))
                .filter(name -> !name.equals("package-info"))
                .collect(groupingBy(name -> name))
                .forEach((name, all) -> {
                    if (all.size() > 1) {
                        twice.add(name);
                    }
                });
        assertEquals(Set.of(), twice, "names that stand more than once");
    }

    private static List<Path> sources(String below) throws IOException {
        List<Path> sources = new ArrayList<>();
        try (Stream<Path> folders = Files.list(ROOT)) {
            for (Path folder : folders.map(module -> module.resolve(below)).toList()) {
                if (Files.isDirectory(folder)) {
                    try (Stream<Path> files = Files.walk(folder)) {
                        files.filter(file -> file.toString().endsWith(".java")).forEach(sources::add);
                    }
                }
            }
        }
        return sources;
    }
}
