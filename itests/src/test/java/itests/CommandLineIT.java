package itests;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import itests.vm.Platform;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The replies of {@code ./mdev} to valid and invalid input, on one platform with all ports in use. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
final class CommandLineIT {
    private static final int DEVICES = 12;
    /** Held open by a {@code vfio:tty} throughout. */
    private static final String OPEN = uuid(1);

    private static final String IDLE = uuid(2);
    private static final String UNKNOWN = "93b8f4f2-509f-382f-3c1e-e6bfe0fa1001";
    private static final String DEVICE = "/sys/bus/mdev/devices/" + IDLE;
    private static final String TYPE = "/sys/devices/virtual/mtty/mtty/mdev_supported_types/mtty-1";

    private final Mdev mdev = Mdev.here();
    private Platform platform;
    private Process user;
    private StateObserver state;

    private static String uuid(int number) {
        return "83b8f4f2-509f-382f-3c1e-e6bfe0fa10%02x".formatted(number);
    }

    @BeforeAll
    void start() throws Exception {
        platform = Platform.start("--load", "vendor.mtty");
        platform.run(IntStream.rangeClosed(1, DEVICES)
                        .mapToObj(number -> "mdev:create mtty mtty-2 " + uuid(number))
                        .reduce((some, more) -> some + "; " + more)
                        .orElseThrow())
                .ok();
        user = mdev.command("--run", run(), "-c", "vfio:tty " + OPEN).start();
        Wait.until(
                "the port is open", () -> platform.run("mdev:show " + OPEN).ok().contains("vfio:tty"));
        state = StateObserver.of(mdev, run());
    }

    @AfterAll
    void stop() throws Exception {
        try (Platform last = platform) {
            if (state != null) {
                state.close();
            }
            if (user != null) {
                user.getOutputStream().close();
                Mdev.end(user);
            }
            last.stop();
        }
    }

    private String run() {
        return platform.run().toString();
    }

    private Mdev.Ended shell(String line) throws IOException, InterruptedException {
        return mdev.run("--run", run(), "-c", line);
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
        Mdev.Ended ended = shell(wrong.line());
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
        UnaryOperator<String> real = text -> text.replace("RUN", run())
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
    void printsTheVersion() throws Exception {
        assertTrue(mdev.run("--version").ok().matches("mdev \\d+\\.\\d+\\.\\d+\\S*\n"));
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
        Mdev.Ended ended = shell(line.line());
        assertEquals(line.status(), ended.status(), ended.err());
        assertEquals(line.goesOn(), ended.out().contains("vendor.mtty"), ended.out());
    }

    /** @param keys the keys of an object, or of each object of an array */
    record Listing(String command, int rows, List<String> keys) {}

    private static final List<Listing> LISTINGS = List.of(
            new Listing("mdev:lsmod", 3, List.of("module", "version", "bundle", "state", "used_by", "devices")),
            new Listing("mdev:parents", 1, List.of("parent", "module", "bundle", "types", "devices", "path")),
            new Listing(
                    "mdev:types",
                    2,
                    List.of("parent", "type", "name", "device_api", "available_instances", "description")),
            new Listing(
                    "mdev:list",
                    DEVICES,
                    List.of(
                            "uuid",
                            "parent",
                            "type",
                            "driver",
                            "group",
                            "state",
                            "user",
                            "name",
                            "mdev_type",
                            "start",
                            "attrs")),
            new Listing(
                    "mdev:show " + IDLE,
                    1,
                    List.of(
                            "uuid",
                            "name",
                            "state",
                            "parent",
                            "module",
                            "type",
                            "device_api",
                            "driver",
                            "group",
                            "user",
                            "path",
                            "attributes",
                            "socket",
                            "qemu",
                            "qemu_memory",
                            "libvirt",
                            "libvirt_memory")),
            new Listing("mdev:drivers", 1, List.of("driver", "bundle", "devices", "path")),
            new Listing("sysfs:ls /sys/class/mdev_bus", 1, List.of("name")),
            new Listing("sysfs:ls -l /sys/class/mdev_bus", 1, List.of("mode", "size", "name", "target")),
            new Listing("vfio:groups", DEVICES, List.of("group", "devices", "holder", "container", "iommu", "viable")),
            new Listing(
                    "vfio:info " + IDLE,
                    1,
                    List.of(
                            "uuid",
                            "parent",
                            "type",
                            "device_api",
                            "group",
                            "user",
                            "regions",
                            "irqs",
                            "dma_read_bytes",
                            "dma_write_bytes",
                            "vfio_user")));

    @Test
    void everyListingPrintsJson() throws Exception {
        String line = LISTINGS.stream()
                .map(listing -> listing.command() + " --json")
                .reduce((some, more) -> some + "; " + more)
                .orElseThrow();
        List<JsonNode> answers = new ArrayList<>();
        ObjectMapper mapper = new ObjectMapper();
        try (JsonParser text = mapper.createParser(shell(line).ok())) {
            for (JsonNode answer = mapper.readTree(text); answer != null; answer = mapper.readTree(text)) {
                answers.add(answer);
            }
        }
        assertEquals(LISTINGS.size(), answers.size());
        for (int i = 0; i < answers.size(); i++) {
            Listing listing = LISTINGS.get(i);
            List<JsonNode> rows = new ArrayList<>();
            if (answers.get(i).isArray()) {
                answers.get(i).forEach(rows::add);
            } else {
                rows.add(answers.get(i));
            }
            assertEquals(listing.rows(), rows.size(), listing.command());
            for (JsonNode row : rows) {
                List<String> keys = new ArrayList<>();
                row.fieldNames().forEachRemaining(keys::add);
                assertEquals(listing.keys(), keys, listing.command());
            }
        }
    }

    @Test
    void createAndRemovePrintJson() throws Exception {
        ObjectMapper mapper = new ObjectMapper();
        String device = uuid(3);
        assertEquals(
                "{\"uuid\":\"" + device + "\"}\n",
                shell("mdev:remove " + device + " --json").ok());
        assertEquals("", shell("mdev:create mtty mtty-2 " + device).ok());
        assertEquals("", shell("mdev:remove " + device).ok());
        String created = shell("mdev:create mtty mtty-2").ok();
        assertTrue(created.matches("[0-9a-f-]{36}\n"), created);
        shell("mdev:remove " + created.strip()).ok();
        assertEquals(
                device,
                mapper.readTree(shell("mdev:create mtty mtty-2 " + device + " --json")
                                .ok())
                        .get("uuid")
                        .asText());
    }

    /** Starts a command that runs until it is interrupted; returns its first line once {@code event} has caused one. */
    private String first(String command, Callable<?> event) throws Exception {
        Process process = mdev.command("--run", run(), "-c", command).start();
        try (BufferedReader out = process.inputReader()) {
            Wait.until(command + " prints", () -> {
                event.call();
                return out.ready();
            });
            return out.readLine();
        } finally {
            process.destroy();
            Mdev.end(process);
        }
    }

    @Test
    void monitorAndTracePrintJsonLines() throws Exception {
        ObjectMapper mapper = new ObjectMapper();
        JsonNode event = mapper.readTree(first(
                "mdev:monitor --json",
                () -> shell("sysfs:write " + DEVICE + "/uevent change").ok()));
        assertEquals("change", event.get("ACTION").asText());
        assertTrue(event.get("DEVPATH").asText().endsWith(IDLE), event.toString());

        var socket = UnixDomainSocketAddress.of(platform.run().resolve("vfio-user/" + IDLE + ".sock"));
        JsonNode message = mapper.readTree(first(
                "vfio:trace --json " + IDLE, () -> SocketChannel.open(socket).shutdownOutput()));
        assertTrue(message.get("time").asText().matches("\\d\\d:\\d\\d:.*"), message.toString());
        assertTrue(message.hasNonNull("message"), message.toString());
    }

    @Test
    void shellOnATerminalPrintsABannerAndFittingTables() throws Exception {
        String line = "stty cols 80; '%s/mdev' --run '%s'".formatted(mdev.home(), run());
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
                mdev.runWith(line, "--run", run(), "-c", "vfio:tty " + IDLE + " 1")
                        .ok());
    }

    @Test
    void fileNamesAreRelativeToTheUsersDirectory(@TempDir Path temp) throws Exception {
        Files.writeString(temp.resolve("here.jar"), "no bundle");
        Path errors = temp.resolve("errors");
        Process client = mdev.command("--run", run(), "-c", "mdev:modprobe here.jar")
                .directory(temp.toFile())
                .redirectError(errors.toFile())
                .start();
        assertEquals(1, Mdev.end(client));
        assertEquals("mdev:modprobe: here.jar is not a bundle (EINVAL)\n", Files.readString(errors));
    }

    @Test
    void modprobeReloadsAPlatformModuleAfterRmmod() throws Exception {
        String device = uuid(1);
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
