package mdev.linux;

import static mdev.linux.Answers.EINVAL;
import static mdev.linux.Answers.ENODEV;
import static mdev.linux.Answers.ENOENT;
import static mdev.linux.Answers.EPERM;
import static mdev.linux.Answers.refused;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MountTest {
    private static final long FLAGS = Mount.MS_NOSUID | Mount.MS_NODEV | Mount.MS_NOEXEC;

    /** Of {@code /proc/mounts}: source, target, type and options of the mount. */
    private static Stream<String> mounts(Path target) throws IOException {
        return Files.readAllLines(Path.of("/proc/mounts")).stream().filter(line -> line.contains(" " + target + " "));
    }

    /** Skips the test if this process may not mount. */
    private static void assumeMayMount(Path directory) {
        try {
            Mount.mount("mdev-test", directory, "tmpfs", FLAGS, "size=64k");
            Mount.detach(directory);
        } catch (LinuxException e) {
            assumeTrue(e.errno() != EPERM, "skipped: mounting takes root (CAP_SYS_ADMIN)");
        }
    }

    @Test
    void mountsAndDetachesEvenInUse(@TempDir Path directory) throws Exception {
        assumeMayMount(directory);
        Mount.mount("mdev-test", directory, "tmpfs", FLAGS, "size=64k");
        Path file = Files.writeString(directory.resolve("file"), "x");
        try (InputStream open = Files.newInputStream(file)) {
            String line = mounts(directory).findFirst().orElseThrow();
            assertTrue(
                    line.startsWith("mdev-test ") && line.contains("nosuid,nodev,noexec") && line.contains("size=64k"),
                    line);
            Mount.detach(directory);
            assertEquals(0, mounts(directory).count());
            assertEquals('x', open.read(), "it lives on for its user");
        }
    }

    @Test
    void bindShowsADirectoryWithTheMountsBelowIt(@TempDir Path directory) throws Exception {
        assumeMayMount(directory);
        Path source = Files.createDirectories(directory.resolve("source"));
        Path inner = Files.createDirectories(source.resolve("inner"));
        Path target = Files.createDirectories(directory.resolve("target"));
        Mount.mount("mdev-test", inner, "tmpfs", FLAGS, "size=64k");
        try {
            Files.writeString(inner.resolve("file"), "x");
            Mount.bind(source, target);
            assertEquals("x", Files.readString(target.resolve("inner/file")));
            Mount.detach(target);
            assertEquals(0, mounts(target.resolve("inner")).count());
            refused(20, () -> Mount.bind(inner.resolve("file"), target)); // ENOTDIR
        } finally {
            Mount.detach(inner);
        }
    }

    @Test
    void errorsGiveTheReason(@TempDir Path directory) {
        assumeMayMount(directory);
        refused(ENODEV, () -> Mount.mount("x", directory, "no-such-type", 0, ""));
        refused(EINVAL, () -> Mount.mount("x", directory, "tmpfs", 0, "no-such-option=1"));
        assertTrue(refused(ENOENT, () -> Mount.mount("x", directory.resolve("nowhere"), "tmpfs", 0, ""))
                .startsWith("mount " + directory + "/nowhere: "));
        refused(EINVAL, () -> Mount.detach(directory));
    }
}
