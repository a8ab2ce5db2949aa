package itests.fuse;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import itests.Mdev;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code ./mdev with-sys}: programs find the platform's tree in {@code /sys}. */
final class WithSysIT {
    private static final String[] MTTY = {"--load", "vendor.mtty"};
    private static final int NOBODY = 65534;

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

    /** A shell in it starts it. */
    @Test
    void nests() throws Exception {
        try (MountedPlatform mounted = MountedPlatform.start(MTTY)) {
            List<String> command = Mdev.here()
                    .command(withSys(mounted, "cat", "/sys/class/mdev_bus/mtty/mdev_supported_types/mtty-1/name"))
                    .command();
            assertEquals(new Mdev.Ended(0, "Single port serial\n", ""), run(mounted, String.join(" ", command)));
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

    @Test
    void commandThatCannotRunIsOneLine(@TempDir Path directory) throws Exception {
        try (MountedPlatform mounted = MountedPlatform.start(MTTY)) {
            assertEquals(
                    new Mdev.Ended(127, "", "mdev: 'no-such-program' is not a program on PATH\n"),
                    Mdev.here().run(withSys(mounted, "no-such-program")));
            assertEquals(
                    new Mdev.Ended(126, "", "mdev: '" + directory + "' is not executable\n"),
                    Mdev.here().run(withSys(mounted, directory.toString())));
            Path script = Files.writeString(directory.resolve("script"), "#!/no/such\n");
            Files.setPosixFilePermissions(script, PosixFilePermissions.fromString("rwx------"));
            Mdev.Ended ended = Mdev.here().run(withSys(mounted, script.toString()));
            assertTrue(ended.err().matches("mdev: .*" + script + ": .*\n"), ended::toString);
            assertEquals(127, ended.status());
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

    /** One line, on standard error, with what to do. */
    private static void assertRefused(String line, Mdev.Ended ended) {
        assertEquals(new Mdev.Ended(1, "", "mdev: " + line + "\n"), ended);
    }

    @Test
    void platformThatCannotBeUsedIsOneLine(@TempDir Path directory) throws Exception {
        try (MountedPlatform mounted = MountedPlatform.start(MTTY)) {
            Path run = mounted.platform().run();
            assertRefused(
                    ("no tree is mounted on %s: the platform on %s must be started without --no-mount, "
                                    + "and its --mount DIR be given here, too")
                            .formatted(directory, run),
                    Mdev.here().run("--run", run.toString(), "--mount", directory.toString(), "with-sys", "true"));
            assumeRoot();
            Files.setAttribute(run, "unix:uid", NOBODY);
            assertRefused(
                    run + " belongs to another user: choose another with --run DIR",
                    Mdev.here().run(withSys(mounted, "true")));
        }
    }

    /** The limits on namespaces of a user namespace are its own: the host's stay as they are. */
    @Test
    void noRightToCreateNamespacesIsOneLine() throws Exception {
        assumeRoot();
        try (MountedPlatform mounted = MountedPlatform.start(MTTY)) {
            List<String> command = new ArrayList<>(List.of(
                    "unshare",
                    "--user",
                    "--map-root-user",
                    "bash",
                    "-c",
                    "echo 0 > /proc/sys/user/max_mnt_namespaces && exec \"$@\"",
                    "bash"));
            command.addAll(Mdev.here().command(withSys(mounted, "true")).command());
            Process process =
                    new ProcessBuilder(command).redirectErrorStream(true).start();
            process.getOutputStream().close();
            String out = new String(process.getInputStream().readAllBytes(), UTF_8);
            int status = MountedPlatform.end(process);
            assertEquals("""
                    mdev: no right to create namespaces (unshare failed: No space left on device): become root, or \
                    have the administrator allow user namespaces (sysctl user.max_user_namespaces)
                    """, out);
            assertEquals(1, status);
        }
    }

    static void assumeRoot() throws IOException {
        Assumptions.assumeTrue(
                Integer.valueOf(0).equals(Files.getAttribute(Path.of("/proc/self"), "unix:uid")),
                "skipped: changing the user requires root");
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

    /** A user without root: files of a platform that root has handed over to him. */
    @Test
    void userNamespacesReplaceRoot() throws Exception {
        assumeRoot();
        try (MountedPlatform mounted = MountedPlatform.start(MTTY)) {
            Path run = mounted.platform().run();
            for (Path file : List.of(run, run.resolve("lock"), run.resolve("uevents"))) {
                Files.setAttribute(file, "unix:uid", NOBODY);
            }
            Files.setPosixFilePermissions(run.getParent(), PosixFilePermissions.fromString("rwx--x--x"));
            List<String> command = new ArrayList<>(List.of(
                    "setpriv",
                    "--reuid=" + NOBODY,
                    "--regid=" + NOBODY,
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
