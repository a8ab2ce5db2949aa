package itests;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/**
 * A run directory ({@code --run}) that is deleted after the tests. Not below the project: a socket's path is limited to
 * 107 bytes.
 */
final class RunDirectory {
    private RunDirectory() {}

    static Path create() throws IOException {
        Path run = Files.createTempDirectory("mdev");
        Runtime.getRuntime().addShutdownHook(new Thread(() -> delete(run)));
        return run;
    }

    private static void delete(Path directory) {
        try (Stream<Path> paths = Files.walk(directory)) {
            List<Path> deepestFirst = paths.sorted(Comparator.reverseOrder()).toList();
            for (Path path : deepestFirst) {
                Files.deleteIfExists(path);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
