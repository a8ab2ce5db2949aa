package itests.fuse;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
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
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The end of a command in {@code ./mdev with-sys}, and of its platform. */
final class WithSysEndIT {
    private static final String[] MTTY = {"--load", "vendor.mtty"};

    /** A running script; its output and errors are one stream. */
    private static Process start(MountedPlatform mounted, String script) throws IOException {
        return command(mounted, "bash", "-c", script).start();
    }

    private static ProcessBuilder command(MountedPlatform mounted, String... command) {
        return Mdev.here().command(WithSysIT.withSys(mounted, command)).redirectErrorStream(true);
    }

    private static void await(BooleanSupplier condition, String what) {
        long end = System.nanoTime() + Patience.TIME.toNanos();
        while (!condition.getAsBoolean()) {
            assertTrue(System.nanoTime() < end, what);
            LockSupport.parkNanos(10_000_000);
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
            assertEquals(
                    new Mdev.Ended(status, "", ""), Mdev.here().run(WithSysIT.withSys(mounted, "bash", "-c", script)));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"HUP", "INT", "QUIT", "TERM", "USR1", "USR2"})
    void passesSignalsOn(String signal) throws Exception {
        try (MountedPlatform mounted = MountedPlatform.start(MTTY)) {
            ProcessBuilder builder = command(
                    mounted, "bash", "-c", "trap 'exit 3' " + signal + "; echo up; while :; do sleep 0.1; done");
            builder.command().addAll(0, List.of("env", "--default-signal")); // Maven may run in the background
            Process process = builder.start();
            try (BufferedReader out = process.inputReader()) {
                assertEquals("up", out.readLine());
                signal(signal, process.pid());
                assertEquals(3, MountedPlatform.end(process));
            }
        }
    }

    private static void signal(String name, long pid) throws Exception {
        assertEquals(0, MountedPlatform.end(new ProcessBuilder("kill", "-" + name, Long.toString(pid)).start()));
    }

    /** As {@code nohup} has it. */
    @Test
    void ignoredSignalsStayIgnored() throws Exception {
        try (MountedPlatform mounted = MountedPlatform.start(MTTY)) {
            ProcessBuilder builder = command(mounted, "bash", "-c", "echo up; read -r line; exit 4");
            builder.command().addAll(0, List.of("env", "--ignore-signal=HUP"));
            Process process = builder.start();
            try (BufferedReader out = process.inputReader()) {
                assertEquals("up", out.readLine());
                signal("HUP", process.pid());
                process.getOutputStream().close();
                assertEquals(4, MountedPlatform.end(process));
            }
        }
    }

    @Test
    void closedStreamsAreEmpty() throws Exception {
        try (MountedPlatform mounted = MountedPlatform.start(MTTY)) {
            ProcessBuilder builder = command(mounted, "bash", "-c", "cat && echo out && echo err >&2 && exit 4");
            builder.command().addAll(0, List.of("bash", "-c", "exec \"$@\" <&- >&- 2>&-", "bash"));
            assertEquals(4, MountedPlatform.end(builder.start()));
        }
    }

    /** A stopped platform does not answer. */
    @ParameterizedTest
    @ValueSource(strings = {"TERM", "KILL"})
    void endsWhileItPrepares(String signal) throws Exception {
        try (MountedPlatform mounted = MountedPlatform.start(MTTY)) {
            signal("STOP", mounted.platform().pid());
            Process process = start(mounted, "echo up");
            await(
                    () -> !processes("mdev.sys.SysAgent " + mounted.platform().run())
                            .isEmpty(),
                    "the agent starts");
            signal(signal, process.pid());
            assertEquals("", new String(process.getInputStream().readAllBytes(), UTF_8));
            MountedPlatform.end(process);
            await(() -> processes(mounted.directory() + " own").isEmpty(), "nothing is left");
            signal("CONT", mounted.platform().pid());
        }
    }

    /** {@code java} is a script here: each of the many attempts is to be short. */
    @Test
    void endsIfASignalArrivesWithTheEndOfTheCommand(@TempDir Path directory) throws Exception {
        WithSysIT.assumeRoot();
        Path java = Files.createDirectories(directory.resolve("bin")).resolve("java");
        Files.writeString(java, "#!/bin/sh\necho ready\nexec sleep 1000\n");
        Files.setPosixFilePermissions(java, PosixFilePermissions.fromString("rwx------"));
        String inside = Mdev.here().home().resolve("cnf/sys/inside").toString();
        for (int i = 0; i < 40; i++) {
            ProcessBuilder builder = new ProcessBuilder(
                    "unshare",
                    "--mount",
                    "--pid",
                    "bash",
                    inside,
                    "jar",
                    "run",
                    "tree",
                    "own",
                    "bash",
                    "-c",
                    "echo up; exec sleep 777003");
            builder.environment().put("JAVA_HOME", directory.toString());
            Process process = builder.start();
            assertEquals("up", process.inputReader().readLine());
            ProcessHandle command = process.descendants()
                    .filter(each -> each.info().commandLine().orElse("").endsWith("777003"))
                    .findFirst()
                    .orElseThrow();
            command.destroy();
            long then = System.nanoTime() + ThreadLocalRandom.current().nextInt(400_000);
            while (System.nanoTime() < then) {
                Thread.onSpinWait();
            }
            process.destroy();
            assertEquals(143, MountedPlatform.end(process));
        }
    }

    @ParameterizedTest
    @CsvSource({"normally, 0", "HUP, 129", "TERM, 143", "KILL, 137"})
    void leavesNothingBehind(String how, int status, @TempDir Path temporary) throws Exception {
        try (MountedPlatform mounted = MountedPlatform.start(MTTY)) {
            List<String> mounts = mounts(mounted);
            ProcessBuilder builder = command(mounted, "bash", "-c", """
                    (trap '' HUP TERM; exec setsid sleep 777001) <&- >&- 2>&- &
                    until pgrep -f '^sleep 777001' > /dev/null; do :; done
                    echo up
                    read -r line""");
            builder.environment().put("TMPDIR", temporary.toString());
            Process process = builder.start();
            try (BufferedReader out = process.inputReader()) {
                assertEquals("up", out.readLine());
                if (how.equals("normally")) {
                    process.getOutputStream().write('\n');
                    process.getOutputStream().close();
                } else {
                    signal(how, process.pid());
                }
                assertEquals(status, MountedPlatform.end(process));
            }
            String agent = mounted.directory() + " own";
            if (how.equals("KILL")) { // a killed process cannot wait for the others
                await(() -> processes("777001").isEmpty() && processes(agent).isEmpty(), "all others end");
            }
            assertEquals(List.of(), processes("777001"), "what it left running has ended with it");
            assertEquals(List.of(), processes(agent));
            assertEquals(mounts, mounts(mounted));
            try (var files = Files.list(temporary)) {
                assertEquals(List.of(), files.toList());
            }
        }
    }

    /** Without the trees of other platforms. */
    private static List<String> mounts(MountedPlatform mounted) throws IOException {
        return Files.readAllLines(Path.of("/proc/mounts")).stream()
                .filter(line -> !line.contains(" fuse.mdev ")
                        || line.contains(mounted.directory().toString()))
                .toList();
    }

    /** The terminal ends with script(1). */
    @Test
    void hangUpLeavesNothingBehind() throws Exception {
        try (MountedPlatform mounted = MountedPlatform.start(MTTY)) {
            String command = String.join(
                    " ", command(mounted, "bash", "--norc", "--noediting", "-i").command());
            Process process = new ProcessBuilder("script", "-qec", command, "/dev/null")
                    .redirectErrorStream(true)
                    .start();
            try (BufferedReader out = process.inputReader()) {
                process.getOutputStream().write("(trap '' HUP; exec sleep 777002) & echo u''p\r".getBytes(UTF_8));
                process.getOutputStream().flush();
                for (String line = ""; !line.equals("up"); line = out.readLine().strip()) {}
                process.destroyForcibly();
                MountedPlatform.end(process);
            }
            await(
                    () -> processes("777002").isEmpty()
                            && processes(mounted.directory().toString()).size() == 1,
                    "only the platform is left");
        }
    }

    private static List<String> processes(String word) {
        return ProcessHandle.allProcesses()
                .map(process -> process.info().commandLine().orElse(""))
                .filter(line -> line.contains(word))
                .toList();
    }

    /** A platform that ends by SIGTERM may have removed a directory before its mount has ended: ENOENT. */
    @ParameterizedTest
    @ValueSource(strings = {"TERM", "KILL"})
    void failsAfterThePlatformHasEnded(String signal) throws Exception {
        try (MountedPlatform mounted = MountedPlatform.start(MTTY)) {
            Process process = start(mounted, """
                    cd /sys/class/mdev_bus/mtty/mdev_supported_types
                    echo up
                    read -r line
                    export LC_ALL=C
                    cat mtty-1/name
                    (cd mtty-1) 2>&1 | sed 's/.*: cd/cd/'
                    (echo 83b8f4f2-509f-382f-3c1e-e6bfe0fa1001 > mtty-1/create) 2>&1 | sed 's/.*: mtty/mtty/'
                    ls /sys/bus/mdev/devices > /dev/null 2>&1 || echo "ls failed"
                    cat /sys/devices/system/cpu/online > /dev/null
                    exit 6""");
            try (BufferedReader out = process.inputReader()) {
                assertEquals("up", out.readLine());
                signal(signal, mounted.platform().pid());
                assertTrue(out.readLine().startsWith("mdev: the platform has ended"));
                process.getOutputStream().close();
                assertEquals("""
                        cat: mtty-1/name: Transport endpoint is not connected
                        cd: mtty-1: Transport endpoint is not connected
                        mtty-1/create: Transport endpoint is not connected
                        ls failed
                        """.lines().toList(), out.readAllLines());
                assertEquals(6, MountedPlatform.end(process), "the host's part is there");
            }
        }
    }

    @Test
    void programInsideACallGetsAnErrorWhenThePlatformIsKilled() throws Exception {
        try (MountedPlatform mounted = MountedPlatform.start(MTTY)) {
            Process process = start(mounted, """
                    cd /sys/class/mdev_bus/mtty/mdev_supported_types
                    echo up
                    read -r line
                    cat mtty-1/name mtty-2/name 2> /dev/null
                    echo "ended with $?\"""");
            try (BufferedReader out = process.inputReader()) {
                assertEquals("up", out.readLine());
                signal("STOP", mounted.platform().pid());
                process.getOutputStream().close();
                await(() -> waitsForThePlatform("cat mtty-1/name"), "cat waits for the platform");
                signal("KILL", mounted.platform().pid());
                List<String> lines = out.readAllLines();
                assertTrue(lines.contains("ended with 1"), lines::toString);
                assertEquals(0, MountedPlatform.end(process));
            }
        }
    }

    private static boolean waitsForThePlatform(String commandLine) {
        return ProcessHandle.allProcesses().anyMatch(each -> {
            Path of = Path.of("/proc", Long.toString(each.pid()));
            try {
                return Files.readString(of.resolve("cmdline"), ISO_8859_1)
                                .replace('\0', ' ')
                                .startsWith(commandLine)
                        && Files.readString(of.resolve("wchan")).equals("request_wait_answer");
            } catch (IOException e) {
                return false; // it has ended meanwhile
            }
        });
    }
}
