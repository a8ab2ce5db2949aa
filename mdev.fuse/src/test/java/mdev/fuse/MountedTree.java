package mdev.fuse;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import mdev.api.errno.ErrnoException;
import mdev.core.Limits;
import mdev.core.MdevCore;
import mdev.core.Module;
import mdev.core.slot.ForeignBundle;

/**
 * A core with a vendor, its tree mounted on a temporary directory, and other processes that use it: this process must
 * not access it.
 */
final class MountedTree implements AutoCloseable {
    static final String ONE = "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001";
    static final String TWO = "83b8f4f2-509f-382f-3c1e-e6bfe0fa1002";
    static final String TYPE = "class/mdev_bus/mtty/mdev_supported_types/mtty-1";

    private static final long PATIENCE_SECONDS = 60;

    final TestVendor vendor;
    final MdevCore core;
    final Module module;
    final Path directory;
    final Fuse fuse;

    /** A grace period that the kernel never exceeds, even on a busy machine. */
    MountedTree(int ports) throws IOException, ErrnoException {
        this(ports, Duration.ofSeconds(PATIENCE_SECONDS));
    }

    /** @param forget how long a removal waits for the kernel to drop an entry */
    MountedTree(int ports, Duration forget) throws IOException, ErrnoException {
        vendor = new TestVendor(ports);
        core = new MdevCore(new ForeignBundle("mdev.core", "0.1.0", 1), Limits.STANDARD, _ -> {});
        module = core.module(new ForeignBundle("vendor.test", "1.0.0", 2));
        module.registerDevice(TestVendor.DEVICE, vendor);
        directory = Files.createTempDirectory("mdev-fuse");
        fuse = mount(new Fuse(core.sysfs(), directory, forget));
    }

    /** Defines the names of two devices, of a type, and of a name that is too long. */
    static String named(String text) {
        return text.replace("TYPE", TYPE)
                .replace("ONE", ONE)
                .replace("TWO", TWO)
                .replace("LONG", "x".repeat(256));
    }

    /** Skips tests that need Python if it is not installed. */
    void assumePython() {
        assumeFalse(sh("command -v python3").startsWith("["), "skipped: no python3");
    }

    /**
     * The result of a process: its output, then its errors, then {@code [status]} unless it is 0.
     */
    String sh(String script) {
        try {
            Process process = start(script);
            String out = new String(process.getInputStream().readAllBytes(), UTF_8);
            return out + ended(process);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static String ended(Process process) {
        try {
            if (!process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
                process.destroyForcibly();
                throw new AssertionError("does not end: " + process.info());
            }
            return process.exitValue() == 0 ? "" : "[" + process.exitValue() + "]";
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    /**
     * Begins a bash script that changes to the mounted directory. It is not the initial directory of the process,
     * because this process must not look it up. Signals have their default actions, although tests may run under
     * nohup: a shell cannot trap what was ignored when it started.
     */
    Process start(String script) throws IOException {
        List<String> command =
                new ArrayList<>(List.of("env", "--default-signal", "bash", "-c", "cd " + directory + "\n" + script));
        ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
        builder.environment().put("LC_ALL", "C");
        return builder.start();
    }

    /** Waits for an effect of another thread or process. */
    static void await(String what, BooleanSupplier condition) {
        long end = System.nanoTime() + Duration.ofSeconds(PATIENCE_SECONDS).toNanos();
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() > end) {
                throw new AssertionError("waited in vain: " + what);
            }
            LockSupport.parkNanos(1_000_000);
        }
    }

    /** Activates the component as DS does. */
    static Fuse mount(Fuse made) {
        made.mount();
        return made;
    }

    @Override
    public void close() throws IOException {
        fuse.close();
        core.close();
        Files.deleteIfExists(directory);
    }
}
