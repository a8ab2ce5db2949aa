package mdev.fuse;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import mdev.api.ParentDevice;
import mdev.api.Registration;
import mdev.api.sysfs.SysfsFile;
import mdev.core.slot.ForeignBundle;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * After a change of the tree has returned, no process finds the old state, although the kernel caches lookups.
 */
@RequiresFuse
final class StaleEntryTest extends MountedTreeTestSupport {
    private static final int READERS = 4;
    private static final int ROUNDS = 40;
    private static final String UUID = "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001";
    private static final String PARENT = "devices/virtual/mtty/mtty";
    private static final String TYPE = PARENT + "/mdev_supported_types/mtty-1";

    @BeforeEach
    void assumePython() throws Exception {
        tree.assumePython();
    }

    /** A change of the tree. */
    @FunctionalInterface
    private interface Change {
        void make() throws Exception;
    }

    /** Processes that continuously look up the same names ({@code observe.py}). */
    private final class Observers implements AutoCloseable {
        private final Process process;
        private final BufferedReader answers;
        private final List<String> stale = new ArrayList<>();

        /** @param directory also held open and accessed through the descriptor */
        Observers(String directory, String... paths) throws Exception {
            List<String> command =
                    new ArrayList<>(List.of("setsid", "python3", resource("observe.py"), Integer.toString(READERS)));
            command.add(absolute(directory));
            List.of(paths).forEach(path -> command.add(absolute(path)));
            process = new ProcessBuilder(command).redirectErrorStream(true).start();
            answers = process.inputReader();
        }

        void ask(String line) throws IOException {
            process.outputWriter().write(line + "\n");
            process.outputWriter().flush();
            String answer = answers.readLine();
            while (answer != null && answer.startsWith("stale")) {
                stale.add(answer);
                answer = answers.readLine();
            }
            if (!"ok".equals(answer)) {
                fail(answer + "\n" + unread());
            }
        }

        /** Other output, for example the exit of a reader. */
        private String unread() throws IOException {
            StringBuilder lines = new StringBuilder();
            while (answers.ready()) {
                lines.append(answers.readLine()).append('\n');
            }
            return lines.toString();
        }

        void change(Change change, String after) throws Exception {
            ask("changing");
            change.make();
            ask(after);
        }

        @Override
        public void close() throws IOException {
            process.outputWriter().close();
            answers.lines().filter(line -> line.startsWith("stale")).forEach(stale::add);
            process.destroyForcibly();
            assertEquals(List.of(), stale);
        }
    }

    private String absolute(String path) {
        return tree.directory + "/" + path;
    }

    private Observers observeDevice() throws Exception {
        return new Observers(
                PARENT + "/" + UUID,
                "bus/mdev/devices/" + UUID,
                PARENT + "/" + UUID,
                PARENT + "/" + UUID + "/uevent",
                PARENT + "/" + UUID + "/mdev_type",
                PARENT + "/" + UUID + "/vendor/value",
                TYPE + "/devices/" + UUID);
    }

    @Test
    void writeToTheMountLeavesNoStaleEntry() throws Exception {
        try (Observers observers = observeDevice()) {
            observers.ask("gone");
            for (int i = 0; i < ROUNDS; i++) {
                observers.change(() -> observers.ask("write " + absolute(TYPE + "/create") + " " + UUID), "there");
                observers.change(
                        () -> observers.ask("write " + absolute("bus/mdev/devices/" + UUID + "/remove") + " 1"),
                        "gone");
            }
        }
    }

    @Test
    void writeInsideThePlatformLeavesNoStaleEntry() throws Exception {
        try (Observers observers = observeDevice()) {
            observers.ask("gone");
            for (int i = 0; i < ROUNDS; i++) {
                observers.change(() -> write(TYPE + "/create", UUID), "there");
                observers.change(() -> write("bus/mdev/devices/" + UUID + "/remove", "1"), "gone");
            }
        }
    }

    /** A removal waits for the kernel, but not for a process that blocks the kernel. */
    @Test
    void lockedDirectoryDoesNotBlockARemoval() throws Exception {
        tree.close();
        tree = new MountedTree(24, Duration.ofSeconds(5));
        write(TYPE + "/create", UUID);
        assertEquals("", tree.sh("ls -d bus/mdev/devices/" + UUID + " > /dev/null"));
        Process holds = new ProcessBuilder("python3", resource("hold.py"), absolute("bus/mdev/devices")).start();
        String said = holds.inputReader().readLine();
        assumeTrue("holds".equals(said), said);
        Path wchan = Path.of("/proc", Long.toString(holds.pid()), "wchan");
        MountedTree.await("it waits for its memory", () -> read(wchan).contains("userfault"));

        assertEquals("", tree.sh("echo 1 > " + PARENT + "/" + UUID + "/remove"));
        assertEquals(1, tree.vendor.removed());
        assertTrue(holds.isAlive(), "all the while");
        assertTrue(tree.fuse.isBehind());
        holds.destroyForcibly().onExit().join();
        MountedTree.await("the kernel has caught up", () -> !tree.fuse.isBehind());
        write(TYPE + "/create", UUID);
        assertEquals("", tree.sh("ls -d bus/mdev/devices/" + UUID + " > /dev/null"));
        write("bus/mdev/devices/" + UUID + "/remove", "1");
        assertEquals("[2]", tree.sh("ls -d bus/mdev/devices/" + UUID + " 2> /dev/null"));
    }

    private static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String resource(String name) throws URISyntaxException {
        return Path.of(Objects.requireNonNull(StaleEntryTest.class.getResource("/mdev/fuse/" + name))
                        .toURI())
                .toString();
    }

    private void write(String path, String data) throws Exception {
        ((SysfsFile) tree.core.sysfs().lookup(path, true)).write(data.getBytes(ISO_8859_1));
    }

    @Test
    void reloadedModuleHasNoStaleEntry() throws Exception {
        TestVendor other = new TestVendor(24);
        try (Observers observers = new Observers(
                "devices/virtual/other/other/" + UUID,
                "class/other",
                "class/mdev_bus/other",
                "module/other",
                "devices/virtual/other",
                "devices/virtual/other/other/mdev_supported_types/other-1/name",
                "devices/virtual/other/other/" + UUID,
                "devices/virtual/other/other/" + UUID + "/vendor/value",
                "bus/mdev/devices/" + UUID)) {
            observers.ask("gone");
            for (int i = 0; i < ROUNDS; i++) {
                var module = tree.core.module(new ForeignBundle("vendor.other", "1.0.0", 3));
                observers.change(
                        () -> {
                            Registration _ = module.registerDevice(new ParentDevice("other", "other"), other);
                            write("devices/virtual/other/other/mdev_supported_types/other-1/create", UUID);
                        },
                        "there");
                observers.change(module::close, "gone");
            }
        }
    }
}
