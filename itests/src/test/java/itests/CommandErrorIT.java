package itests;

import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Invalid commands and starts of {@code ./mdev}: one line each, and nothing changes. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
final class CommandErrorIT {
    private static final String OPEN = BusyPlatform.OPEN;
    private static final String IDLE = BusyPlatform.IDLE;
    private static final String UNKNOWN = "93b8f4f2-509f-382f-3c1e-e6bfe0fa1001";
    private static final String DEVICE = "/sys/bus/mdev/devices/" + IDLE;
    private static final String TYPE = "/sys/devices/virtual/mtty/mtty/mdev_supported_types/mtty-1";

    private final Mdev mdev = Mdev.here();
    private BusyPlatform platform;
    private StateObserver state;

    @BeforeAll
    void start() throws Exception {
        platform = BusyPlatform.start();
        state = StateObserver.of(mdev, platform.run());
    }

    @AfterAll
    void stop() throws Exception {
        try (BusyPlatform _ = platform) {
            if (state != null) {
                state.close();
            }
        }
    }

    /** @param error the one line on standard error */
    record Wrong(String line, int status, String error) {}

    static Stream<Wrong> wrongCommands() {
        String create = "; usage: mdev:create <parent> <type> [uuid]";
        return Stream.of(
                new Wrong("mdev:lsmood", 127, "mdev: no command 'mdev:lsmood'; did you mean mdev:lsmod?"),
                new Wrong("frobnicate", 127, "mdev: no command 'frobnicate'; 'help' lists the commands"),
                new Wrong("mdev:list |", 2, "mdev: syntax error"),
                new Wrong("mdev:create mtty", 2, "mdev:create: missing type" + create),
                new Wrong("mdev:create mtty mtty-1 a b", 2, "mdev:create: unexpected argument 'b'" + create),
                new Wrong("mdev:lsmod --jsn", 2, "mdev:lsmod: unknown flag '--jsn'; usage: mdev:lsmod"),
                new Wrong("exit 999", 1, "console:exit: no status '999': 0 to 255 (EINVAL)"),
                new Wrong("mdev:create mty mtty-1", 1, "mdev:create: no parent 'mty': mtty (ENODEV)"),
                new Wrong("mdev:types mty", 1, "mdev:types: no parent 'mty': mtty (ENODEV)"),
                new Wrong(
                        "mdev:create mtty mtty-3", 1, "mdev:create: no type 'mtty-3' on mtty: mtty-1, mtty-2 (ENODEV)"),
                new Wrong(
                        "mdev:create mtty mtty-1 83b8",
                        1,
                        "mdev:create: expected a UUID of 36 characters, not 4 (EINVAL)"),
                new Wrong(
                        "mdev:create mtty mtty-1 " + IDLE.replace('f', 'g'),
                        1,
                        "mdev:create: not a UUID like 00000000-0000-0000-0000-000000000000 (EINVAL)"),
                new Wrong(
                        "mdev:create mtty mtty-1 " + IDLE,
                        1,
                        "mdev:create: device " + IDLE + " already exists (EEXIST)"),
                new Wrong("mdev:create mtty mtty-1", 1, "mdev:create: 0 of 24 ports are free, 1 are needed (ENOSPC)"),
                new Wrong(
                        "mdev:remove " + UNKNOWN,
                        1,
                        "mdev:remove: no device '" + UNKNOWN + "': did you mean '" + OPEN + "'? (ENODEV)"),
                new Wrong(
                        "mdev:show " + UNKNOWN,
                        1,
                        "mdev:show: no device '" + UNKNOWN + "': did you mean '" + OPEN + "'? (ENODEV)"),
                new Wrong(
                        "mdev:modprobe vendor.mty",
                        1,
                        "mdev:modprobe: no module 'vendor.mty': ccw_sim, edu, gpu_sim, mtty (ENOENT)"),
                new Wrong("mdev:modprobe /nope.jar", 1, "mdev:modprobe: no file /nope.jar (ENOENT)"),
                new Wrong("mdev:modprobe /etc/passwd", 1, "mdev:modprobe: /etc/passwd is not a bundle (EINVAL)"),
                new Wrong(
                        "mdev:rmmod mtty",
                        1,
                        "mdev:rmmod: mtty is in use: " + OPEN + " by vfio:tty; -f unloads it anyway (EBUSY)"),
                new Wrong("mdev:rmmod mty", 1, "mdev:rmmod: no module 'mty': "),
                new Wrong("sysfs:cat " + TYPE + "/create", 1, "sysfs:cat: " + TYPE + "/create cannot be read (EACCES)"),
                new Wrong(
                        "sysfs:write " + TYPE + "/device_api x",
                        1,
                        "sysfs:write: " + TYPE + "/device_api cannot be written (EACCES)"),
                new Wrong("sysfs:write " + DEVICE + "/remove yes", 1, "sysfs:write: not a number"),
                new Wrong(
                        "sysfs:cat /sys/bus/mdev/device",
                        1,
                        "sysfs:cat: no /sys/bus/mdev/device: did you mean 'devices'? (ENOENT)"),
                new Wrong("sysfs:cat /sys/bus/mdev", 1, "sysfs:cat: /sys/bus/mdev is a directory (EISDIR)"),
                new Wrong("sysfs:ls /etc", 1, "sysfs:ls: no /etc: paths begin with /sys (ENOENT)"),
                new Wrong("start file:/nope.jar", 1, "felix:start: file:/nope.jar: no such file (ENOENT)"),
                new Wrong(
                        "start nope",
                        1,
                        "felix:start: 'nope' is neither a bundle nor a URL such as file:/path/to/bundle.jar (EINVAL)"),
                new Wrong(
                        "stop 9999",
                        1,
                        "felix:stop: no bundle '9999': its id or symbolic name, as 'lb -s' lists them (ENOENT)"),
                new Wrong("vfio:tty " + IDLE + " 7", 1, "vfio:tty: no port '7' on " + IDLE + ": 0, 1 (EINVAL)"),
                new Wrong("vfio:tty " + OPEN, 1, "vfio:tty: device " + OPEN + " is in use by vfio:tty (EBUSY)"),
                new Wrong("vfio:tty " + UNKNOWN, 1, "vfio:tty: no device '" + UNKNOWN + "' is bound to vfio_mdev: "),
                new Wrong("vfio:info " + UNKNOWN, 1, "vfio:info: no device '" + UNKNOWN + "' is bound to vfio_mdev: "));
    }

    @ParameterizedTest
    @MethodSource("wrongCommands")
    void invalidCommandPrintsOneLineAndChangesNothing(Wrong wrong) throws Exception {
        String before = state.now();
        Mdev.Ended ended = platform.shell(wrong.line());
        assertAll(
                () -> assertOneLine(wrong.error(), ended),
                () -> assertEquals("", ended.out()),
                () -> assertEquals(wrong.status(), ended.status()),
                () -> assertEquals(before, state.now()));
    }

    private static void assertOneLine(String beginning, Mdev.Ended ended) {
        assertTrue(
                ended.err().startsWith(beginning) && ended.err().lines().count() == 1,
                () -> "expected the line\n" + beginning + "\nbut standard error has\n" + ended.err());
    }

    /**
     * @param arguments the launcher's arguments; RUN stands for the platform's run directory, NEW for a nonexistent
     *     one, FOREIGN for another user's
     */
    record WrongStart(List<String> arguments, int status, String error) {}

    static Stream<WrongStart> wrongStarts() {
        String tooLong = "x".repeat(100);
        return Stream.of(
                new WrongStart(List.of("--frob"), 2, "mdev: unknown option '--frob': see ./mdev --help"),
                new WrongStart(
                        List.of("list", "-x"),
                        2,
                        "mdev: unknown command 'list': ./mdev -c 'list -x' runs a shell command; see ./mdev --help"),
                new WrongStart(List.of("-c"), 2, "mdev: -c needs a value: see ./mdev --help"),
                new WrongStart(List.of("--run="), 2, "mdev: --run needs a value: see ./mdev --help"),
                new WrongStart(List.of("--private"), 2, "mdev: --private applies only to -c: see ./mdev --help"),
                new WrongStart(
                        List.of("--private", "--run=NEW", "-c", "mdev:lsmod"),
                        2,
                        "mdev: --run does not apply to a private platform, which has a directory of its own: "),
                new WrongStart(
                        List.of("--run", "NEW", "-c", "mdev:lsmod"),
                        1,
                        "mdev: no platform runs on NEW: start one with './mdev --run NEW serve', "
                                + "or give the command one of its own with --private"),
                new WrongStart(
                        List.of("--run", "FOREIGN", "-c", "mdev:lsmod"),
                        1,
                        "mdev: FOREIGN belongs to another user: choose another --run DIR"),
                new WrongStart(
                        List.of("--run=FOREIGN"), 1, "mdev: FOREIGN belongs to another user: choose another --run DIR"),
                new WrongStart(
                        List.of("--run", "NEW", "--drop", "/nope", "serve"),
                        2,
                        "mdev: --drop '/nope' is not a directory"),
                new WrongStart(List.of("--run", "RUN", "serve"), 1, "mdev: a platform runs on RUN already"),
                new WrongStart(
                        List.of("--run", "RUN", "--load", "vendor.mtty", "-c", "mdev:lsmod"),
                        2,
                        "mdev: a platform runs on RUN already: --drop, --load, --mount, --set and --debug apply only"
                                + " when a platform starts"),
                new WrongStart(
                        List.of("--run", "RUN", "--set", "vfio.user.spins=5", "-c", "mdev:lsmod"),
                        2,
                        "mdev: a platform runs on RUN already: --drop, --load, --mount, --set and --debug apply only"
                                + " when a platform starts"),
                new WrongStart(
                        List.of("--run", "NEW", "--set", "spins=5", "serve"),
                        2,
                        "mdev: --set 'spins=5' is not PID.KEY=VALUE: docs/configuration.md lists the keys"),
                new WrongStart(
                        List.of("--run", "NEW/" + tooLong, "--no-mount", "serve"),
                        1,
                        "mdev: a device's socket in 'NEW/" + tooLong + "' would have a path of "),
                new WrongStart(
                        List.of("--run", "NEW", "--no-mount", "--load", "vendor.mty", "serve"),
                        1,
                        "mdev:modprobe: no module 'vendor.mty': ccw_sim, edu, gpu_sim, mtty (ENOENT)"),
                new WrongStart(
                        List.of("--private", "--no-mount", "-c", "mdev:modprobe /etc/passwd"),
                        1,
                        "mdev:modprobe: /etc/passwd is not a bundle (EINVAL)"));
    }

    @ParameterizedTest
    @MethodSource("wrongStarts")
    void invalidStartPrintsOneLineAndStartsNothing(WrongStart wrong, @TempDir Path temp) throws Exception {
        UnaryOperator<String> real = text -> text.replace("RUN", platform.run())
                .replace("NEW", temp.resolve("new").toString())
                .replace("FOREIGN", foreign(temp).toString());
        String before = state.now();
        Mdev.Ended ended = mdev.run(wrong.arguments().stream().map(real).toArray(String[]::new));
        assertAll(
                () -> assertOneLine(real.apply(wrong.error()), ended),
                () -> assertEquals("", ended.out()),
                () -> assertEquals(wrong.status(), ended.status()),
                () -> assertEquals(before, state.now()),
                () -> assertEquals(Set.of(), sockets(temp)));
    }

    /** A directory that belongs to another user, also if this one is root. */
    private static Path foreign(Path temp) {
        try {
            Path root = Path.of("/");
            if (!Files.getOwner(root).equals(Files.getOwner(temp))) {
                return root;
            }
            Path foreign = temp.resolve("foreign");
            if (Files.notExists(foreign)) {
                Files.setAttribute(Files.createDirectory(foreign), "unix:uid", 65534);
            }
            return foreign;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Test
    void commandStartsNoPlatform(@TempDir Path temp) throws Exception {
        Path run = temp.resolve("run");
        mdev.runWith("exit\n", "--run", run.toString(), "--no-mount").ok();
        String log = Files.readString(run.resolve("mdev.log"));
        Mdev.Ended ended = mdev.run("--run", run.toString(), "-c", "mdev:lsmod");
        assertOneLine("mdev: no platform runs on " + run + ": ", ended);
        assertEquals(1, ended.status());
        assertEquals(log, Files.readString(run.resolve("mdev.log")));
    }

    @Test
    void rejectsARunDirectoryWithATooLongPath(@TempDir Path temp) throws Exception {
        // One byte too long for /vfio-user/<uuid>.sock within a UNIX socket's 107 bytes.
        String run = temp + "/" + "x".repeat(Math.max(1, 55 - temp.toString().length()));
        Mdev.Ended ended = mdev.run("--run", run, "serve");
        assertOneLine(
                ("mdev: a device's socket in '%s' would have a path of %d bytes;"
                                + " a UNIX socket allows 107: choose a shorter --run DIR")
                        .formatted(run, run.length() + 52),
                ended);
        assertEquals(1, ended.status());
        assertFalse(Files.exists(Path.of(run)));
    }

    private static Set<Path> sockets(Path directory) throws IOException {
        try (Stream<Path> files = Files.walk(directory)) {
            return Set.copyOf(files.filter(Files::exists)
                    .filter(file -> !Files.isDirectory(file) && !Files.isRegularFile(file))
                    .toList());
        }
    }
}
