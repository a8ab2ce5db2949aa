package mdev.console.control;

import static java.nio.file.LinkOption.NOFOLLOW_LINKS;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The run directory of a platform, and its lock: one platform per directory. The kernel releases the lock however the
 * platform ends.
 */
public final class RunDirectory implements AutoCloseable {
    /** {@code sun_path} in {@code <sys/un.h>}: the longest path of a socket, with its terminating zero. */
    static final int SUN_PATH = 108;

    private static final FileAttribute<Set<PosixFilePermission>> OWNER_DIRECTORY =
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------"));
    private static final FileAttribute<Set<PosixFilePermission>> OWNER_FILE =
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"));

    private final Path directory;
    private final Path lockFile;
    private final FileChannel channel;

    private RunDirectory(Path directory, Path lockFile, FileChannel channel) {
        this.directory = directory;
        this.lockFile = lockFile;
        this.channel = channel;
    }

    /**
     * Creates the directory if necessary and takes its lock. Pairs with {@link #close}.
     *
     * @throws IOException with a message for the user: the directory is unsuitable or already in use
     */
    public static RunDirectory open(Path path) throws IOException {
        Path directory = path.toAbsolutePath().normalize();
        checkLength(socket(directory));
        create(directory);
        Path lockFile = directory.resolve("mdev.lock");
        for (; ; ) {
            FileChannel channel = openLock(lockFile);
            try {
                if (!lock(channel)) {
                    throw new IOException("a platform runs on " + directory + " already" + owner(lockFile));
                }
                // The previous holder may have deleted the file on exit: a lock on a deleted file is useless.
                if (same(channel, lockFile)) {
                    write(channel, Long.toString(ProcessHandle.current().pid()));
                    return new RunDirectory(directory, lockFile, channel);
                }
                channel.close();
            } catch (IOException | RuntimeException e) {
                channel.close();
                throw e;
            }
        }
    }

    /** The path of the control socket in a run directory. */
    static Path socket(Path directory) {
        return directory.resolve("control.sock");
    }

    public Path path() {
        return directory;
    }

    /** @throws IOException naming the limit */
    static void checkLength(Path socket) throws IOException {
        int length = socket.toString().getBytes(StandardCharsets.UTF_8).length;
        if (length >= SUN_PATH) {
            throw new IOException("the path " + socket + " has " + length + " bytes; a UNIX socket's may have "
                    + (SUN_PATH - 1) + " (" + SUN_PATH + " with its terminating zero): take a shorter run directory");
        }
    }

    private static void create(Path directory) throws IOException {
        try {
            if (directory.getParent() != null) {
                Files.createDirectories(directory.getParent());
            }
            Files.createDirectory(directory, OWNER_DIRECTORY);
        } catch (FileAlreadyExistsException e) {
            if (!Files.isDirectory(directory)) {
                throw new IOException("the run directory " + e.getFile() + " is not a directory", e);
            }
            checkOwner(directory);
        } catch (AccessDeniedException e) {
            throw new IOException(
                    "no permission to make the run directory " + directory + ": give another with --run", e);
        } catch (FileSystemException e) {
            throw new IOException("cannot make the run directory " + directory + ": " + e.getReason(), e);
        }
    }

    /** Rejects a directory that others may write to: they could replace the socket in it. */
    private static void checkOwner(Path directory) throws IOException {
        Set<PosixFilePermission> permissions = Files.getPosixFilePermissions(directory);
        if (permissions.contains(PosixFilePermission.GROUP_WRITE)
                || permissions.contains(PosixFilePermission.OTHERS_WRITE)) {
            throw new IOException(
                    "others may write to the run directory " + directory + ": chmod 700 it, or take another");
        }
        Object owner = Files.getAttribute(directory, "unix:uid");
        Object self = Files.getAttribute(Path.of("/proc/self"), "unix:uid");
        if (!owner.equals(self)) {
            throw new IOException("the run directory " + directory + " belongs to another user: take another");
        }
    }

    private static FileChannel openLock(Path lockFile) throws IOException {
        try {
            return FileChannel.open(
                    lockFile,
                    Set.of(
                            StandardOpenOption.CREATE,
                            StandardOpenOption.READ,
                            StandardOpenOption.WRITE,
                            NOFOLLOW_LINKS),
                    OWNER_FILE);
        } catch (AccessDeniedException e) {
            throw new IOException("no permission to write to the run directory: " + lockFile, e);
        }
    }

    private static boolean lock(FileChannel channel) throws IOException {
        try {
            @Nullable FileLock lock = channel.tryLock();
            return lock != null;
        } catch (OverlappingFileLockException e) {
            return false;
        }
    }

    private static boolean same(FileChannel channel, Path lockFile) throws IOException {
        // Java has no fstat: data written to the channel appears in the file only if both are the same file.
        write(channel, "?" + System.nanoTime());
        channel.position(0);
        ByteBuffer mine = ByteBuffer.allocate((int) channel.size());
        int count = 0;
        while (mine.hasRemaining() && count >= 0) {
            count = channel.read(mine);
        }
        return Files.exists(lockFile)
                && new String(mine.array(), StandardCharsets.UTF_8).equals(Files.readString(lockFile));
    }

    private static void write(FileChannel channel, String text) throws IOException {
        channel.truncate(0);
        ByteBuffer bytes = ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
        while (bytes.hasRemaining()) {
            channel.write(bytes, bytes.position());
        }
    }

    private static String owner(Path lockFile) {
        try {
            String pid = Files.readString(lockFile);
            return pid.matches("\\d+") ? " (process " + pid + ")" : "";
        } catch (IOException e) {
            return "";
        }
    }

    /**
     * Deletes the lock file before it releases the lock, so that no other process can lock a file about to be deleted.
     */
    @Override
    public void close() throws IOException {
        Files.deleteIfExists(lockFile);
        channel.close();
    }
}
