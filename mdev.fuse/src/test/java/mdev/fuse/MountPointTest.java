package mdev.fuse;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import java.util.stream.Stream;
import mdev.fuse.mount.MountException;
import mdev.fuse.mount.MountPoint;
import mdev.linux.Mount;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Mounting and unmounting. */
@RequiresFuse
final class MountPointTest {
    private static final int SOMEBODY = 1000;
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    private static boolean isMounted(Path directory) throws IOException {
        return Files.readAllLines(Path.of("/proc/mounts")).stream()
                .anyMatch(line -> line.contains(" " + directory + " "));
    }

    private static int uid() throws IOException {
        return (Integer) Files.getAttribute(Path.of("/proc/self"), "unix:uid");
    }

    private static MountPoint.Mounted mount(Path directory) throws MountException, IOException {
        return MountPoint.mount(directory, uid(), uid(), PATIENCE);
    }

    @Test
    void clearsTheMountOfAKilledPlatform(@TempDir Path parent) throws Exception {
        Path directory = Files.createDirectory(parent.resolve("sys"));
        Path link = Files.createSymbolicLink(parent.resolve("link"), Path.of("../" + parent.getFileName() + "/sys"));
        mount(directory).fd().close(); // the mount has no server any more, as after SIGKILL
        assertTrue(isMounted(directory));

        MountPoint.Mounted again = mount(link);
        assertEquals(parent.toRealPath().resolve("sys"), again.point().directory());
        again.fd().close();
        again.point().unmount(() -> false);
        again.point().remove();
        assertFalse(isMounted(directory));
        assertTrue(Files.exists(directory), "it may be the user's own");
    }

    @Test
    void removesTheDirectoryThatItCreated(@TempDir Path parent) throws Exception {
        Path directory = parent.resolve("some/where");
        MountPoint.Mounted mounted = mount(directory);
        mounted.fd().close();
        mounted.point().unmount(() -> false);
        mounted.point().remove();
        assertFalse(Files.exists(directory));
    }

    /** Like a platform that is stopped, or in a debugger: it never answers, so any timeout is sufficient. */
    @Test
    void hungPlatformDelaysNoMount(@TempDir Path directory) throws Exception {
        MountPoint.Mounted silent = mount(directory);

        MountException e = Assertions.assertThrows(
                MountException.class, () -> MountPoint.mount(directory, uid(), uid(), Duration.ofMillis(1)));
        assertEquals(
                "another platform has mounted its tree there, and does not answer: umount -l " + directory
                        + ", or choose another directory with --mount DIR",
                e.getMessage());
        silent.fd().close();
        silent.point().unmount(() -> false);
        assertFalse(isMounted(directory));
    }

    @Test
    void mountKeepsAnotherPlatformsMount() throws Exception {
        try (MountedTree other = new MountedTree(1)) {
            try (Fuse second = MountedTree.mount(new Fuse(other.core.sysfs(), other.directory))) {
                assertEquals(Optional.empty(), second.directory());
            }
            assertEquals("mtty\n", other.sh("ls class/mdev_bus"));
        }
    }

    /** {@code a} leads to {@code other/a}, so {@code a/..} is {@code other}. */
    @ParameterizedTest
    @CsvSource({
        "a/../b,   other/b",
        "link,     other/b",
        "a,        other/a",
        "a/..,     other",
        "a/.,      other/a",
        "a/new/x,  other/a/new/x",
    })
    void resolvesLinksAsTheKernelDoes(String wanted, String where, @TempDir Path parent) throws Exception {
        Path real = parent.toRealPath();
        Files.createDirectories(real.resolve("other/a"));
        Files.createSymbolicLink(real.resolve("a"), Path.of("other/a"));
        Files.createSymbolicLink(real.resolve("link"), Path.of("a/../b"));

        MountPoint.Mounted mounted = mount(real.resolve(wanted));
        mounted.fd().close();
        mounted.point().unmount(() -> false);
        mounted.point().remove();
        assertEquals(real.resolve(where), mounted.point().directory());
    }

    @Test
    void rejectsADanglingLink(@TempDir Path parent) throws IOException {
        Path link = Files.createSymbolicLink(parent.toRealPath().resolve("link"), Path.of("no/where"));

        MountException e = Assertions.assertThrows(MountException.class, () -> mount(link));
        assertEquals(
                link + " is a link to no/where, which does not exist: choose another directory with --mount DIR",
                e.getMessage());
    }

    @Test
    void rejectsAFile(@TempDir Path parent) throws IOException {
        Path file = Files.createFile(parent.resolve("file"));

        MountException e = Assertions.assertThrows(MountException.class, () -> mount(file));
        assertEquals(file + " is not a directory: choose another with --mount DIR", e.getMessage());
    }

    @Test
    void unmountAcceptsAnUnmountedMount(@TempDir Path directory) throws Exception {
        assumeTrue(uid() == 0, "skipped: unmounting takes root");
        MountPoint.Mounted mounted = mount(directory);
        Mount.detach(directory);
        mounted.point().unmount(() -> true);
        mounted.fd().close();
        assertFalse(isMounted(directory));
    }

    /**
     * The kernel reuses the device number of an unmounted file system, so the number alone identifies nothing.
     */
    @Test
    void unmountKeepsAnotherFileSystem(@TempDir Path directory) throws Exception {
        MountPoint.Mounted gone = mountAndLose(directory);
        Mount.mount("none", directory, "tmpfs", 0, "");
        try {
            gone.point().unmount(() -> true);
            assertTrue(isMounted(directory), "it is not ours");
            assertFalse(gone.point().isMounted(() -> true));
        } finally {
            Mount.unmount(directory);
        }
    }

    /** As {@link #unmountKeepsAnotherFileSystem}. */
    @Test
    void unmountKeepsAnotherPlatformsMount(@TempDir Path directory) throws Exception {
        try (MountedTree other = new MountedTree(1)) {
            MountPoint.Mounted gone = mountAndLose(directory);
            try (Fuse second = MountedTree.mount(new Fuse(other.core.sysfs(), directory))) {
                gone.point().unmount(() -> false);
                assertFalse(gone.point().isMounted(() -> false));
                assertEquals(Optional.of(directory), second.directory());
            }
        }
    }

    /** The device number is free again. */
    private static MountPoint.Mounted mountAndLose(Path directory) throws Exception {
        assumeTrue(uid() == 0, "skipped: unmounting takes root");
        MountPoint.Mounted mounted = mount(directory);
        Mount.unmount(directory);
        mounted.fd().close();
        return mounted;
    }

    @Test
    void usesFusermountWithoutRoot(@TempDir Path directory) throws Exception {
        boolean there = Stream.of(System.getenv("PATH").split(":"))
                .anyMatch(path -> Files.isExecutable(Path.of(path, "fusermount3")));
        if (!there) {
            MountException e = Assertions.assertThrows(
                    MountException.class, () -> MountPoint.mount(directory, SOMEBODY, SOMEBODY, PATIENCE));
            assertEquals("mounting without root requires fusermount3: install the package fuse3", e.getMessage());
            return;
        }
        MountPoint.Mounted mounted = MountPoint.mount(directory, SOMEBODY, SOMEBODY, PATIENCE);
        assertTrue(isMounted(directory));
        mounted.point().unmount(() -> true);
        mounted.fd().close();
        assertFalse(isMounted(directory));
    }
}
