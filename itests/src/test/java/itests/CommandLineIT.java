package itests;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.io.InputStream;
import java.io.Writer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What {@code ./mdev} prints, and its exit status, on one platform with all ports in use. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
final class CommandLineIT {
    private static final String IDLE = BusyPlatform.IDLE;

    private final Mdev mdev = Mdev.here();
    private BusyPlatform platform;

    @BeforeAll
    void start() throws Exception {
        platform = BusyPlatform.start();
    }

    @AfterAll
    void stop() throws Exception {
        platform.close();
    }

    @Test
    void printsTheVersion() throws Exception {
        assertTrue(mdev.run("--version").ok().matches("mdev \\d+\\.\\d+\\.\\d+\\S*\n"));
    }

    /** @param status the status of the first failed part, unless a later part compensates for it */
    record Line(String line, int status, boolean goesOn) {}

    static Stream<Line> lines() {
        return Stream.of(
                new Line("mdev:drivers; mdev:lsmod", 0, true),
                new Line("mdev:show x; mdev:lsmod", 1, true),
                new Line("nope; mdev:show x; mdev:lsmod", 127, true),
                new Line("mdev:lsmod --nope; nope; mdev:lsmod", 2, true),
                new Line("mdev:show x && mdev:lsmod", 1, false),
                new Line("mdev:show x || mdev:lsmod", 0, true),
                new Line("exit 7; mdev:lsmod", 7, false));
    }

    @ParameterizedTest
    @MethodSource("lines")
    void statusIsThatOfTheFirstFailure(Line line) throws Exception {
        Mdev.Ended ended = platform.shell(line.line());
        assertEquals(line.status(), ended.status(), ended.err());
        assertEquals(line.goesOn(), ended.out().contains("vendor.mtty"), ended.out());
    }

    @Test
    void shellOnATerminalPrintsABannerAndFittingTables() throws Exception {
        String line = "stty cols 80; '%s/mdev' --run '%s'".formatted(mdev.home(), platform.run());
        ProcessBuilder script = new ProcessBuilder("script", "-qec", line, "/dev/null").redirectErrorStream(true);
        script.environment().put("TERM", "dumb");
        Process terminal = script.start();
        try (BufferedReader out = terminal.inputReader()) {
            Writer in = terminal.outputWriter();
            in.write("help\nstop 0\nn\nexit 7\n");
            in.flush();
            String screen = out.lines().collect(Collectors.joining("\n"));
            assertEquals(7, Mdev.end(terminal), screen);
            assertTrue(screen.contains("To begin:") && screen.contains("mdev:modprobe vendor.mtty"), screen);
            List<String> help = screen.lines()
                    .dropWhile(row -> !row.startsWith("COMMAND"))
                    .takeWhile(row -> !row.contains("stop 0"))
                    .toList();
            assertTrue(help.size() > 40, screen);
            assertEquals(
                    List.of(), help.stream().filter(row -> row.length() > 80).toList());
            assertTrue(screen.contains("Stop the whole platform, with all its devices? [y/N]"), screen);
            assertTrue(screen.contains("felix:stop: the platform runs on"), screen);
        }
    }

    @Test
    void serialPortEchoesPipedInput() throws Exception {
        String line = "The quick brown fox jumps over the lazy dog.\n";
        assertEquals(
                line,
                mdev.runWith(line, "--run", platform.run(), "-c", "vfio:tty " + IDLE + " 1")
                        .ok());
    }

    @Test
    void fileNamesAreRelativeToTheUsersDirectory(@TempDir Path temp) throws Exception {
        Files.writeString(temp.resolve("here.jar"), "no bundle");
        Path errors = temp.resolve("errors");
        Process client = mdev.command("--run", platform.run(), "-c", "mdev:modprobe here.jar")
                .directory(temp.toFile())
                .redirectError(errors.toFile())
                .start();
        assertEquals(1, Mdev.end(client));
        assertEquals("mdev:modprobe: here.jar is not a bundle (EINVAL)\n", Files.readString(errors));
    }

    @Test
    void modprobeReloadsAPlatformModuleAfterRmmod() throws Exception {
        String device = BusyPlatform.uuid(1);
        String line = "mdev:modprobe mtty; mdev:create mtty mtty-1 " + device;
        for (String module : List.of("vfio_user", "mdev_fuse", "mdev_tools", "vfio_mdev")) {
            line += "; mdev:rmmod " + module + " && mdev:modprobe " + module;
        }
        Mdev.Ended ended = mdev.run("--private", "--no-mount", "-c", line + "; mdev:list");
        assertEquals("", ended.err());
        assertTrue(ended.ok().matches("(?s).*" + device + "  mtty    mtty-1  vfio_mdev .*"), ended.out());
    }

    @Test
    void serveReportsReadinessAndLeavesNoSocket(@TempDir Path temp) throws Exception {
        Path run = temp.resolve("run");
        Path errors = temp.resolve("errors");
        Process serve = mdev.command("--run", run.toString(), "--no-mount", "--load", "vendor.mtty", "serve")
                .redirectError(errors.toFile())
                .start();
        try (InputStream out = serve.getInputStream()) {
            StringBuilder ready = new StringBuilder();
            for (int c = out.read(); c >= 0 && c != '\n'; c = out.read()) {
                ready.append((char) c);
            }
            assertEquals("mdev: ready run=" + run + " mount=none loaded=vendor.mtty", ready.toString());
            mdev.run("--run", run.toString(), "-c", "mdev:create mtty mtty-2 " + IDLE)
                    .ok();
            serve.toHandle().destroy(); // Process.destroy() would close the pipes, too
            assertEquals(0, Mdev.end(serve));
            assertEquals("", new String(out.readAllBytes(), UTF_8), "it says nothing else");
            assertEquals("", Files.readString(errors));
        } finally {
            serve.destroyForcibly();
        }
        try (Stream<Path> left = Files.list(run)) {
            assertEquals(
                    List.of(run.resolve("mdev.0.log"), run.resolve("mdev.log")),
                    left.sorted().toList());
        }
    }

    @Test
    void exitedShellLeavesOnlyTheLog(@TempDir Path temp) throws Exception {
        Path run = temp.resolve("run");
        mdev.runWith("mdev:modprobe vendor.mtty\nexit\n", "--run", run.toString(), "--no-mount")
                .ok();
        try (Stream<Path> left = Files.list(run)) {
            assertEquals(
                    List.of(run.resolve("mdev.0.log"), run.resolve("mdev.log")),
                    left.sorted().toList());
        }
    }
}
