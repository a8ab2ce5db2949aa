package mdev.fuse;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.stream.Collectors;
import mdev.api.errno.ErrnoException;
import mdev.api.sysfs.Sysfs;
import mdev.api.sysfs.SysfsDirectory;
import mdev.api.sysfs.SysfsListener;
import mdev.api.sysfs.SysfsNode;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Cleanup after a mount that was not ended by the platform. */
@RequiresFuse
final class UnmountTest extends MountedTreeTestSupport {
    /** The same tree with a count of its listeners. */
    private static class Listened implements Sysfs {
        private final Sysfs sysfs;
        final List<SysfsListener> listeners = new CopyOnWriteArrayList<>();

        Listened(Sysfs sysfs) {
            this.sysfs = sysfs;
        }

        @Override
        public SysfsDirectory root() {
            return sysfs.root();
        }

        @Override
        public SysfsNode lookup(String path, boolean followLast) throws ErrnoException {
            return sysfs.lookup(path, followLast);
        }

        @Override
        public void addListener(SysfsListener listener) {
            sysfs.addListener(listener);
            listeners.add(listener);
        }

        @Override
        public void removeListener(SysfsListener listener) {
            listeners.remove(listener);
            sysfs.removeListener(listener);
        }

        @Override
        public void changed(String path) {
            sysfs.changed(path);
        }
    }

    private static Set<Thread> threads() {
        return Thread.getAllStackTraces().keySet().stream()
                .filter(thread -> thread.getName().startsWith("mdev-fuse"))
                .collect(Collectors.toSet());
    }

    /** Only earlier threads, some of which may belong to an earlier test and end meanwhile. */
    private static void awaitNoneBut(Set<Thread> before) {
        MountedTree.await("no thread is left", () -> before.containsAll(threads()));
    }

    private static boolean isMounted(Path directory) throws IOException {
        return Files.readAllLines(Path.of("/proc/mounts")).stream()
                .anyMatch(line -> line.contains(" " + directory + " "));
    }

    /** As a process with the permission to unmount. */
    private void umount(String options, Path directory) {
        String said = tree.sh("cd /; umount " + options + directory + " 2>&1");
        assumeTrue(said.isEmpty(), said);
    }

    @Test
    void unmountEndsTheListenerAndTheCaches(@TempDir Path directory) {
        Listened sysfs = new Listened(tree.core.sysfs());
        Set<Thread> before = threads();
        try (Fuse fuse = MountedTree.mount(new Fuse(sysfs, directory))) {
            assertEquals("", tree.sh("ls -lR " + directory + " > /dev/null; exec 3< " + directory + "/class"));
            assertTrue(fuse.known() > 20);
            assertEquals(1, sysfs.listeners.size());

            umount("", directory);
            MountedTree.await("the session has stopped listening", sysfs.listeners::isEmpty);
            awaitNoneBut(before);
            assertEquals(1, fuse.known(), "the root");
        }
    }

    /**
     * Processes in it still get answers; but it is no longer mounted, and a mount in its place belongs to another
     * owner.
     */
    @Test
    void detachedMountIsReportedAsUnmounted() throws Exception {
        Process user = tree.start("echo ready; read; ls class/mdev_bus; read; true");
        BufferedReader said = user.inputReader();
        assertEquals("ready", said.readLine());
        umount("-l ", tree.directory);
        assertEquals(Optional.empty(), tree.fuse.directory());

        try (Fuse other = MountedTree.mount(new Fuse(tree.core.sysfs(), tree.directory))) {
            assertEquals(Optional.of(tree.directory), other.directory());
            user.outputWriter().write("\n");
            user.outputWriter().flush();
            assertEquals("mtty", said.readLine());

            tree.fuse.close();
            assertEquals(Optional.of(tree.directory), other.directory());
            assertEquals("mtty\n", tree.sh("ls class/mdev_bus"));
        } finally {
            user.outputWriter().close();
            assertEquals("", MountedTree.ended(user));
        }
    }

    @Test
    void closeKeepsAMountOnTop() throws IOException {
        String said = tree.sh("cd /; mount -t tmpfs none " + tree.directory + " 2>&1");
        assumeTrue(said.isEmpty(), said);
        try {
            tree.fuse.close();
            assertEquals("tmpfs\n", tree.sh("findmnt -no FSTYPE " + tree.directory + " | tail -1"));
        } finally {
            tree.sh("cd /; umount " + tree.directory + "; umount "
                    + tree.directory); // the foreign mount, and then the rest of ours
        }
        assertFalse(isMounted(tree.directory));
    }

    @Test
    void failedStartLeavesNoMount(@TempDir Path directory) throws IOException {
        Sysfs going = new Listened(tree.core.sysfs()) {
            @Override
            public void addListener(SysfsListener listener) {
                throw new IllegalStateException("the bundle is stopping");
            }
        };
        Set<Thread> before = threads();
        try (Fuse fuse = MountedTree.mount(new Fuse(going, directory))) {
            assertEquals(Optional.empty(), fuse.directory());
            assertFalse(isMounted(directory));
            awaitNoneBut(before);
        } finally {
            tree.sh("cd /; umount -l " + directory
                    + " 2> /dev/null"); // otherwise a process that clears the directory would wait forever
        }
    }
}
