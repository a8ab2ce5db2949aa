package itests;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Java's AOT cache, which {@code ./mdev} makes when it builds: needed by nothing. */
final class AotCacheIT {
    private static final Mdev MDEV = Mdev.here();

    /** The cache of this tree. */
    private static final Path CACHE = MDEV.home().resolve("cnf/target/mdev.aot");

    @TempDir
    Path temp;

    private Optional<byte[]> before = Optional.empty();

    @BeforeEach
    void keep() throws IOException {
        before = Files.exists(CACHE) ? Optional.of(Files.readAllBytes(CACHE)) : Optional.empty();
    }

    @AfterEach
    void putBack() throws IOException {
        Files.deleteIfExists(CACHE);
        if (before.isPresent()) {
            Files.write(CACHE, before.get());
        }
    }

    private static Mdev.Ended list() throws Exception {
        return MDEV.run("--private", "-c", "mdev:lsmod");
    }

    /** The cache is mapped by the next start, as Java's own log says. */
    @Test
    void firstRunMakesACacheThatTheNextOneUses() throws Exception {
        Path made = temp.resolve("made.aot");
        ProcessBuilder training = MDEV.command("--private", "-c", "mdev:lsmod");
        training.environment().put("MDEV_TRAIN", made.toString());
        assertEquals(
                0,
                Mdev.end(training.redirectErrorStream(true)
                        .redirectOutput(temp.resolve("training").toFile())
                        .start()));
        Files.move(made, CACHE);

        Path log = temp.resolve("classes");
        ProcessBuilder next = MDEV.command("--private", "-c", "mdev:lsmod");
        next.environment().put("JDK_JAVA_OPTIONS", "-Xlog:class+load:file=" + log);
        assertEquals(
                0,
                Mdev.end(next.redirectOutput(temp.resolve("next").toFile())
                        .redirectError(ProcessBuilder.Redirect.DISCARD)
                        .start()));
        try (Stream<String> classes = Files.lines(log)) {
            assertTrue(classes.anyMatch(line -> line.contains(" mdev.core.") && line.contains("shared objects")));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "not a cache"})
    void cacheThatDoesNotFitIsIgnored(String content) throws Exception {
        Mdev.Ended without = list();
        Files.writeString(CACHE, content);
        Mdev.Ended with = list();
        assertEquals(without.ok(), with.ok());
        assertEquals(without.err(), with.err());
    }
}
