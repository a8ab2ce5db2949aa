package itests.vm;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;

import itests.Patience;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/** {@code ./mdev serve} with its own run directory, driven as by a user: through {@code ./mdev -c}. */
public final class Platform implements AutoCloseable {
    /** Threads of the core's pool, of a control socket client, and of its line. */
    private static final List<String> PASSING =
            List.of("mdev-call-", "vfio-call-", "vfio-notifier-", "mdev-control-", "session-", "pipe-");

    /** As in {@code mdev.sync.BoundedCalls}. */
    private static final Duration POOL_IDLE = Duration.ofSeconds(1);

    private final Path dir;
    private final Process process;

    private Platform(Path dir, Process process) {
        this.dir = dir;
        this.process = process;
    }

    /** Starts a platform, optionally with more options of {@code ./mdev}, and waits until devices can be created. */
    public static Platform start(String... options) throws IOException {
        return start(Files.createTempDirectory("mdev"), options);
    }

    /** As {@link #start(String...)}, with its run directory below a directory that is deleted with it. */
    public static Platform start(Path dir, String... options) throws IOException {
        var command = launcher(dir.resolve("run"));
        command.add("--no-mount");
        command.addAll(List.of(options));
        command.add("serve");
        var builder = new ProcessBuilder(command)
                .redirectOutput(dir.resolve("out").toFile())
                .redirectError(dir.resolve("err").toFile());
        var process = builder.start();
        var platform = new Platform(dir, process);
        try {
            Deadline.await(Patience.TIME, "the platform is ready", () -> platform.isReady() || !process.isAlive());
            if (!process.isAlive()) {
                throw new AssertionError("the platform ended with " + process.exitValue());
            }
        } catch (AssertionError e) {
            process.destroyForcibly();
            throw new AssertionError(platform.errors(), e);
        }
        return platform;
    }

    private boolean isReady() {
        try {
            return Files.readString(dir.resolve("out")).lines().anyMatch(line -> line.startsWith("mdev: ready"));
        } catch (IOException e) {
            return false;
        }
    }

    private static List<String> launcher(Path run) {
        return new ArrayList<>(List.of(Home.file("mdev"), "--run", run.toString()));
    }

    /** Starts shell commands; SIGTERM interrupts them. */
    Process begin(String commands) throws IOException {
        var command = launcher(run());
        command.addAll(List.of("-c", commands));
        return new ProcessBuilder(command).redirectErrorStream(true).start();
    }

    /** Runs shell commands; the output includes errors. */
    public Result run(String commands) throws IOException, InterruptedException {
        var client = begin(commands);
        client.getOutputStream().close();
        var output = client.getInputStream().readAllBytes();
        return new Result(client.waitFor(), new String(output, UTF_8));
    }

    /** The run directory. */
    public Path run() {
        return dir.resolve("run");
    }

    /** The process, which is the platform's JVM. */
    public long pid() {
        return process.pid();
    }

    /** The socket of the device. */
    public Path socket(String uuid) {
        return run().resolve("vfio-user").resolve(uuid + ".sock");
    }

    /** Creates a device; returns its socket. */
    Path create(String parent, String type, String uuid) throws IOException, InterruptedException {
        run("mdev:create %s %s %s".formatted(parent, type, uuid)).ok();
        return socket(uuid);
    }

    /** Writes a 1 to the device's {@code remove}, as in step 8 of the kernel's document. */
    void remove(String uuid) throws IOException, InterruptedException {
        run("sysfs:write /sys/bus/mdev/devices/" + uuid + "/remove 1").ok();
    }

    /** The resources that the platform currently holds. */
    Footprint footprint() throws IOException {
        return Footprint.of(process.pid());
    }

    /**
     * The resources that the platform holds once the threads of its pools and of the last command have exited:
     * unchanged for twice the time after which an idle thread of a pool, which has the name of its last call, exits.
     */
    Footprint idleFootprint() {
        Footprint[] now = new Footprint[1];
        long[] changed = {System.nanoTime()};
        Deadline.await(Patience.TIME, "the pools are empty and the shell at rest", () -> {
            var before = now[0];
            now[0] = current();
            if (!now[0].equals(before)) {
                changed[0] = System.nanoTime();
            }
            return System.nanoTime() - changed[0] > POOL_IDLE.multipliedBy(2).toNanos()
                    && now[0].threads().keySet().stream()
                            .noneMatch(name -> PASSING.stream().anyMatch(name::startsWith));
        });
        return now[0];
    }

    private Footprint current() {
        try {
            return footprint();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /**
     * Waits until the platform holds exactly the same resources as {@code before}.
     *
     * @throws AssertionError on timeout, with both footprints
     */
    void awaitFootprint(Footprint before) throws IOException {
        try {
            Deadline.await(
                    Patience.TIME,
                    "all that came since is released",
                    () -> current().equals(before));
        } catch (AssertionError e) {
            throw new AssertionError("before: " + before + "\n   now: " + footprint() + "\n" + errors(), e);
        }
    }

    /** Ends a guest and then the platform; neither the guest's nor the users' actions have caused a message. */
    void endWith(Guest guest) throws Exception {
        try (this) {
            try (guest) {
                assertEquals(0, guest.poweroff());
            }
            assertEquals(List.of(), stop());
            assertEquals("", errors());
            assertEquals(List.of(), refusals());
        }
    }

    /** Warnings and errors so far. */
    public String errors() throws IOException {
        return Files.readString(dir.resolve("err"));
    }

    /** The rejected messages of guests so far, from the log. */
    List<String> refusals() throws IOException {
        return Files.readString(run().resolve("mdev.log"))
                .lines()
                .filter(line -> line.contains("refused"))
                .toList();
    }

    public boolean isAlive() {
        return process.isAlive();
    }

    /** The status with which the platform ends, by itself or after {@link #stop}. */
    public int exitStatus() throws InterruptedException {
        if (!process.waitFor(Patience.TIME)) {
            throw new AssertionError("the platform does not end");
        }
        return process.exitValue();
    }

    /**
     * Sends SIGTERM; returns the sockets left in the run directory after the platform has ended: there should be none.
     */
    public List<Path> stop() throws IOException, InterruptedException {
        process.destroy();
        if (!process.waitFor(Patience.TIME)) {
            throw new AssertionError("the platform does not end on SIGTERM\n" + errors());
        }
        try (var files = Files.walk(run())) {
            return files.filter(file -> file.toString().endsWith(".sock")).toList();
        }
    }

    @Override
    public void close() throws IOException {
        process.destroyForcibly().onExit().join();
        try (var files = Files.walk(dir)) {
            for (var file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
    }
}
