package itests.fuse;

import static java.nio.charset.StandardCharsets.UTF_8;

import itests.Patience;
import itests.vm.Platform;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Assumptions;

/**
 * {@code ./mdev serve} with its tree mounted. If it cannot be mounted, the test is skipped with the reason, or fails if
 * the environment sets {@code MDEV_REQUIRE_FUSE}, as in CI.
 */
public final class MountedPlatform implements AutoCloseable {
    private final Path directory;
    private final Platform platform;

    private MountedPlatform(Path directory, Platform platform) {
        this.directory = directory;
        this.platform = platform;
    }

    public static MountedPlatform start(String... options) throws Exception {
        Path directory = Files.createTempDirectory("mdev-sys");
        String[] all = new String[options.length + 2];
        System.arraycopy(options, 0, all, 0, options.length);
        all[options.length] = "--mount";
        all[options.length + 1] = directory.toString();
        MountedPlatform mounted = new MountedPlatform(directory, Platform.start(all));
        if (!mounted.isMounted()) {
            String reason = mounted.platform.run("mdev:lsmod").ok() + mounted.warnings();
            mounted.close();
            if (!System.getenv().getOrDefault("MDEV_REQUIRE_FUSE", "").isEmpty()) {
                throw new AssertionError("the tree must be mounted here, but: " + reason);
            }
            System.out.println("skipped: " + reason);
            Assumptions.abort(reason);
        }
        return mounted;
    }

    /** Checked without accessing the mount. */
    boolean isMounted() throws IOException {
        return Files.readAllLines(Path.of("/proc/mounts")).stream()
                .anyMatch(line -> line.contains(" " + directory + " "));
    }

    /** The mount point, which corresponds to {@code /sys}. */
    public Path directory() {
        return directory;
    }

    public Platform platform() {
        return platform;
    }

    String warnings() throws IOException {
        return Files.readString(platform.run().resolveSibling("err"));
    }

    /**
     * The output of a bash script in the mounted directory, including errors, followed by {@code [status]} unless that
     * is 0.
     */
    String sh(String script) throws IOException, InterruptedException {
        Process process = start(script);
        process.getOutputStream().close();
        String out = new String(process.getInputStream().readAllBytes(), UTF_8);
        return out + (end(process) == 0 ? "" : "[" + process.exitValue() + "]");
    }

    Process start(String script) throws IOException {
        ProcessBuilder bash =
                new ProcessBuilder("bash", "-c", "cd " + directory + "\n" + script).redirectErrorStream(true);
        bash.environment().put("LC_ALL", "C");
        return bash.start();
    }

    static int end(Process process) throws InterruptedException {
        if (!process.waitFor(Patience.TIME)) {
            process.destroyForcibly();
            throw new AssertionError("does not end: " + process.info());
        }
        return process.exitValue();
    }

    @Override
    public void close() throws IOException {
        try {
            if (platform.isAlive()) {
                platform.stop();
            }
            if (isMounted()) {
                end(new ProcessBuilder("umount", "-l", directory.toString()).start());
            }
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
        platform.close();
        Files.deleteIfExists(directory);
    }
}
