package itests;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.jar.JarFile;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** {@code ./mdev sdk}; {@link DriverGuideIT} builds with its result. */
final class SdkIT {
    private static final String VERSION = "0.1.0-SNAPSHOT";

    private final Mdev mdev = Mdev.here();

    @TempDir
    private Path temp;

    private static Stream<String> files(Path directory) throws IOException {
        try (Stream<Path> found = Files.walk(directory)) {
            return found
                    .filter(Files::isRegularFile)
                    .map(file -> directory.relativize(file).toString())
                    .sorted()
                    .toList()
                    .stream();
        }
    }

    /** Twice: the second run replaces the files and keeps foreign files. */
    @Test
    void writesALocalRepositoryIntoADirectory() throws Exception {
        Path into = temp.resolve("my sdk/below");
        mdev.run("sdk", "--into", into.toString()).ok();
        Path api = into.resolve("io/github/mdev/mdev.api/" + VERSION + "/mdev.api-" + VERSION + ".jar");
        Files.writeString(api, "damaged");
        Path other = Files.writeString(into.resolve("other"), "");
        assertEquals(
                "mdev.api, mdev.device, mdev.pci and mdev.config " + VERSION + " are in " + into.toRealPath()
                        + ": build with Maven's option -Dmaven.repo.local.tail=" + into.toRealPath() + "\n",
                mdev.run("sdk", "--into=" + into).ok());

        List<String> expected = new ArrayList<>(List.of("other"));
        for (String name : List.of("mdev.api", "mdev.config", "mdev.device", "mdev.pci")) {
            for (String end : List.of("-javadoc.jar", "-sources.jar", ".jar", ".pom")) {
                expected.add("io/github/mdev/%s/%s/%s-%s%s".formatted(name, VERSION, name, VERSION, end));
            }
        }
        assertEquals(expected.stream().sorted().toList(), files(into).toList());
        assertTrue(Files.exists(other));
        requireEntry(api, "mdev/api/Mdev.class");
        requireEntry(Path.of(api.toString().replace(".jar", "-sources.jar")), "mdev/api/Mdev.java");
        requireEntry(Path.of(api.toString().replace(".jar", "-javadoc.jar")), "mdev/pci/PciDevice.html");
        String pom = Files.readString(Path.of(api.toString().replace(".jar", ".pom")));
        assertFalse(pom.contains("<parent>"), pom);
        assertFalse(pom.contains("${"), pom);
    }

    private static void requireEntry(Path jar, String entry) throws IOException {
        try (JarFile file = new JarFile(jar.toFile())) {
            assertNotNull(file.getEntry(entry), entry);
        }
    }

    /** @param error the one line on standard error; in it and in the arguments FILE stands for a file */
    record Wrong(int status, String error, List<String> arguments) {
        Wrong(int status, String error, String... arguments) {
            this(status, error, List.of(arguments));
        }
    }

    static Stream<Wrong> wrong() {
        return Stream.of(
                new Wrong(2, "mdev: --into needs a value: see ./mdev --help", "sdk", "--into"),
                new Wrong(2, "mdev: --into applies only to sdk: see ./mdev --help", "--into", "/tmp", "serve"),
                new Wrong(
                        2,
                        "mdev: sdk starts no platform: only --into applies to it; see ./mdev --help",
                        "sdk",
                        "--load",
                        "vendor.mtty"),
                new Wrong(
                        2,
                        "mdev: serve, demo, vm, with-sys, sdk and -c exclude each other: see ./mdev --help",
                        "sdk",
                        "serve"),
                new Wrong(
                        1,
                        "mdev: cannot write to 'FILE': choose another directory with --into DIR",
                        "sdk",
                        "--into",
                        "FILE"),
                new Wrong(
                        1,
                        "mdev: cannot write to 'FILE/below': choose another directory with --into DIR",
                        "sdk",
                        "--into=FILE/below"));
    }

    @ParameterizedTest
    @MethodSource("wrong")
    void aWrongCallIsOneLine(Wrong wrong) throws Exception {
        String file = Files.writeString(temp.resolve("file"), "").toString();
        Mdev.Ended ended = mdev.run(wrong.arguments.stream()
                .map(argument -> argument.replace("FILE", file))
                .toArray(String[]::new));
        assertEquals(wrong.error.replace("FILE", file) + "\n", ended.err());
        assertEquals("", ended.out());
        assertEquals(wrong.status, ended.status());
    }

    @Test
    void aLocalRepositoryThatCannotBeWrittenIsOneLine() throws Exception {
        String repository = Files.writeString(temp.resolve("repository"), "").toString();
        mdev.run("sdk", "--into", temp.resolve("sdk").toString()).ok(); // builds
        ProcessBuilder builder = mdev.command("sdk").redirectErrorStream(true);
        builder.environment().put("MAVEN_ARGS", "-Dmaven.repo.local=" + repository);
        Process process = builder.start();
        String output = new String(process.getInputStream().readAllBytes(), UTF_8);
        assertEquals(1, Mdev.end(process), output);
        assertEquals(1, output.lines().count(), output);
        assertTrue(output.startsWith("mdev: ") && output.contains("use --into DIR"), output);
    }
}
