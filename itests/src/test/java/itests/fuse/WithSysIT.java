package itests.fuse;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import itests.Mdev;
import itests.Patience;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** {@code ./mdev with-sys}: programs find the platform's tree in {@code /sys}. */
final class WithSysIT {
    private static final String[] MTTY = {"--load", "vendor.mtty"};

    /** The arguments of {@code ./mdev} that run a command with the tree of this platform. */
    static String[] withSys(MountedPlatform mounted, String... command) {
        List<String> all = new ArrayList<>(List.of(
                "--run",
                mounted.platform().run().toString(),
                "--mount",
                mounted.directory().toString(),
                "with-sys"));
        all.addAll(List.of(command));
        return all.toArray(String[]::new);
    }

    private static Mdev.Ended run(MountedPlatform mounted, String script) throws Exception {
        return Mdev.here().run(withSys(mounted, "bash", "-c", script));
    }

    /** A running script; its output and errors are one stream. */
    private static Process start(MountedPlatform mounted, String script) throws IOException {
        return Mdev.here()
                .command(withSys(mounted, "bash", "-c", script))
                .redirectErrorStream(true)
                .start();
    }

    @Test
    void mergesTheTreeWithTheHostsSys() throws Exception {
        try (MountedPlatform mounted = MountedPlatform.start(MTTY)) {
            assertEquals("""
                    /sys/devices/virtual/mtty/mtty
                    Single port serial
                    mdev
                    0
                    """, run(mounted, """
                    readlink -f /sys/class/mdev_bus/mtty
                    cat /sys/class/mdev_bus/mtty/mdev_supported_types/mtty-1/name
                    ls -d /sys/bus/mdev | xargs basename
                    ls /sys/kernel/iommu_groups | wc -l""").ok());
            assertEquals(
                    Files.readString(Path.of("/sys/devices/system/cpu/online")),
                    run(mounted, "cat /sys/devices/system/cpu/online").ok());
            assertEquals(List.of(), missing("/sys", mounted), "each of the host's entries at the top is there");
            assertEquals(List.of(), missing("/sys/class", mounted), "and each of its classes");
            assertEquals("lo\n", run(mounted, "ls /sys/class/net").ok(), "the network is the namespace's own");
        }
    }

    private static List<String> missing(String directory, MountedPlatform mounted) throws Exception {
        List<String> present = run(mounted, "ls -A " + directory).ok().lines().toList();
        try (var entries = Files.list(Path.of(directory))) {
            return entries.map(entry -> entry.getFileName().toString())
                    .filter(name -> !present.contains(name))
                    .toList();
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            exit 7              | 7
            kill -TERM $$       | 143
            kill -KILL $$       | 137
            [ $$ != 1 ]         | 0
            """)
    void exitsWithTheCommandsStatus(String script, int status) throws Exception {
        try (MountedPlatform mounted = MountedPlatform.start(MTTY)) {
            assertEquals(new Mdev.Ended(status, "", ""), run(mounted, script));
        }
    }

    @Test
    void commandThatCannotRunIsOneLine(@TempDir Path directory) throws Exception {
        try (MountedPlatform mounted = MountedPlatform.start(MTTY)) {
            assertEquals(
                    new Mdev.Ended(127, "", "mdev: 'no-such-program' is not a program on PATH\n"),
                    Mdev.here().run(withSys(mounted, "no-such-program")));
            assertEquals(
                    new Mdev.Ended(126, "", "mdev: '" + directory + "' is not executable\n"),
                    Mdev.here().run(withSys(mounted, directory.toString())));
            assertEquals(
                    new Mdev.Ended(2, "", "mdev: with-sys needs a command: see ./mdev --help\n"),
                    Mdev.here().run("with-sys"));
            assertEquals(
                    new Mdev.Ended(
                            1,
                            "",
                            "mdev: no platform runs on %s: start one with './mdev --run %s serve'\n"
                                    .formatted(directory, directory)),
                    Mdev.here().run("--run", directory.toString(), "with-sys", "true"));
        }
    }

    @Test
    void passesSignalsOn() throws Exception {
        try (MountedPlatform mounted = MountedPlatform.start(MTTY)) {
            Process process = start(mounted, "trap 'exit 3' TERM; echo up; while :; do sleep 0.1; done");
            try (BufferedReader out = process.inputReader()) {
                assertEquals("up", out.readLine());
                process.destroy();
                assertEquals(3, MountedPlatform.end(process));
            }
        }
    }

    @Test
    void leavesNothingBehind() throws Exception {
        try (MountedPlatform mounted = MountedPlatform.start(MTTY)) {
            List<String> mounts = Files.readAllLines(Path.of("/proc/mounts"));
            assertEquals("", run(mounted, """
                    setsid sleep 777001 <&- >&- 2>&- &
                    until pgrep -f '^sleep 777001' > /dev/null; do :; done""").ok());
            assertEquals(List.of(), processes("777001"), "what it left running has ended with it");

            Process process = start(mounted, "echo up; sleep 777002; :");
            try (BufferedReader out = process.inputReader()) {
                assertEquals("up", out.readLine());
                process.destroyForcibly();
                MountedPlatform.end(process);
            }
            awaitNone("777002");
            assertEquals(mounts, Files.readAllLines(Path.of("/proc/mounts")));
        }
    }

    private static List<String> processes(String word) {
        return ProcessHandle.allProcesses()
                .map(process -> process.info().commandLine().orElse(""))
                .filter(line -> line.contains(word))
                .toList();
    }

    /** A killed process cannot wait for the others. */
    private static void awaitNone(String word) {
        long end = System.nanoTime() + Patience.TIME.toNanos();
        while (!processes(word).isEmpty()) {
            assertTrue(System.nanoTime() < end, () -> "still there: " + processes(word));
            LockSupport.parkNanos(10_000_000);
        }
    }

    @Test
    void showsWhatComesAndGoes() throws Exception {
        try (MountedPlatform mounted = MountedPlatform.start(MTTY)) {
            Process process = start(mounted, """
                    await() { until eval "$1"; do sleep 0.1; done; echo "$1"; }
                    cd /sys/devices/virtual
                    echo up
                    await '[ ! -e mtty ] && [ ! -e /sys/class/mtty ]'
                    await '[ -e mtty/mtty/uevent ] && [ -e /sys/class/mtty/mtty/uevent ]'""");
            try (BufferedReader out = process.inputReader()) {
                assertEquals("up", out.readLine());
                mounted.platform().run("mdev:rmmod vendor.mtty").ok();
                assertTrue(out.readLine().contains("! -e mtty"));
                mounted.platform().run("mdev:modprobe vendor.mtty").ok();
                assertTrue(out.readLine().contains("-e mtty/mtty/uevent"));
                assertEquals(0, MountedPlatform.end(process));
            }
        }
    }

    @Test
    void failsAfterThePlatformHasEnded() throws Exception {
        try (MountedPlatform mounted = MountedPlatform.start(MTTY)) {
            Process process = start(mounted, """
                    cd /sys/class/mdev_bus/mtty/mdev_supported_types
                    echo up
                    read -r line
                    LC_ALL=C cat mtty-1/name
                    cat /sys/devices/system/cpu/online > /dev/null
                    """);
            try (BufferedReader out = process.inputReader()) {
                assertEquals("up", out.readLine());
                assertEquals(List.of(), mounted.platform().stop());
                assertTrue(out.readLine().startsWith("mdev: the platform has ended"));
                process.getOutputStream().close();
                assertEquals(List.of("cat: mtty-1/name: Transport endpoint is not connected"), out.readAllLines());
                assertEquals(0, MountedPlatform.end(process), "the host's part is there");
            }
        }
    }

    /** A user without root: files of a platform that root has handed over to him. */
    @Test
    void userNamespacesReplaceRoot() throws Exception {
        Assumptions.assumeTrue(
                Integer.valueOf(0).equals(Files.getAttribute(Path.of("/proc/self"), "unix:uid")),
                "skipped: changing the user requires root");
        try (MountedPlatform mounted = MountedPlatform.start(MTTY)) {
            Path run = mounted.platform().run();
            for (Path file : List.of(run, run.resolve("lock"), run.resolve("uevents"))) {
                Files.setAttribute(file, "unix:uid", 65534);
            }
            Files.setPosixFilePermissions(run.getParent(), PosixFilePermissions.fromString("rwx--x--x"));
            List<String> command = new ArrayList<>(List.of(
                    "setpriv",
                    "--reuid=65534",
                    "--regid=65534",
                    "--clear-groups",
                    Mdev.here().home().resolve("mdev").toString()));
            command.addAll(List.of(withSys(
                    mounted,
                    "bash",
                    "-c",
                    "id -u; cat /sys/class/mdev_bus/mtty/mdev_supported_types/mtty-1/name; exit 5")));
            Process process =
                    new ProcessBuilder(command).redirectErrorStream(true).start();
            process.getOutputStream().close();
            String out = new String(process.getInputStream().readAllBytes(), UTF_8);
            int status = MountedPlatform.end(process);
            Assumptions.assumeFalse(out.contains("no right to create namespaces"), "skipped: " + out);
            assertEquals("0\nSingle port serial\n", out);
            assertEquals(5, status);
        }
    }
}
