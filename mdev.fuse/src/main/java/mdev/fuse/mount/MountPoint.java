package mdev.fuse.mount;

import java.io.IOException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemLoopException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotLinkException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import mdev.api.errno.Errno;
import mdev.linux.Fd;
import mdev.linux.LinuxException;
import mdev.sync.BoundedCalls;
import mdev.sync.Deadline;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The directory on which the tree is mounted. Once it is mounted, this class must not access it, because this process
 * itself would have to answer.
 */
public final class MountPoint {
    private static final Logger log = LoggerFactory.getLogger(MountPoint.class);

    /** As in path resolution: {@code MAXSYMLINKS}. */
    private static final int MOST_LINKS = 40;

    /**
     * Grace period for a mount that may belong to another platform, when ours is unmounted. Our own mount answers at
     * once, as soon as the asking thread gets a processor.
     */
    private static final Duration GRACE = Duration.ofSeconds(30);

    private final Path directory;
    private final boolean made;
    private final Mounter mounter;

    /** Distinguishes our mount from others in its place. */
    private final String device;

    private MountPoint(Path directory, boolean made, Mounter mounter, String device) {
        this.directory = directory;
        this.made = made;
        this.mounter = mounter;
        this.device = device;
    }

    /** A completed mount. */
    public record Mounted(MountPoint point, Fd fd) {}

    /**
     * Mounts the file system: directly as root, otherwise with fusermount3. First clears the mount of a killed
     * platform.
     *
     * @param grace how long an existing mount of another platform may take to answer
     * @return the mount point, and {@code /dev/fuse} for its session
     * @throws MountException with the reason and a remedy
     */
    public static Mounted mount(Path wanted, int uid, int gid, Duration grace) throws MountException {
        Mounter mounter = uid == 0 ? new RootMounter() : new Fusermount();
        Path directory = wanted.toAbsolutePath();
        try {
            directory = resolve(directory);
            clear(directory, mounter, grace);
            // The creator of a stale mount's directory is unknown, so that directory is not removed.
            boolean made = make(directory);
            try {
                Path real = directory.toRealPath(); // before mounting: then this process would have to answer
                Fd fd = mounter.mount(real, uid, gid);
                try {
                    return new Mounted(new MountPoint(real, made, mounter, device(real)), fd);
                } catch (IOException e) {
                    fd.close();
                    mounter.detach(real);
                    throw e;
                }
            } catch (MountException | LinuxException | IOException e) {
                if (made) {
                    Files.deleteIfExists(directory);
                }
                throw e;
            }
        } catch (FileAlreadyExistsException e) {
            throw new MountException(directory + " is not a directory: choose another with --mount DIR");
        } catch (LinuxException e) {
            throw new MountException(e.getMessage());
        } catch (IOException e) {
            throw new MountException(e + ": choose another directory with --mount DIR");
        }
    }

    /** The newest mount of our type, which is the one just made. */
    private static String device(Path directory) throws IOException {
        return MountTable.read().at(directory).reversed().stream()
                .filter(entry -> entry.type().equals(Mounter.TYPE))
                .findFirst()
                .map(MountTable.Entry::device)
                .orElse(""); // already unmounted by another process, which the session will notice
    }

    /**
     * Resolves symbolic links without accessing the mounted file system: readlink(2) of a directory fails before its
     * file system is called.
     */
    private static Path resolve(Path wanted) throws IOException, MountException {
        if (wanted.getParent() != null) {
            Files.createDirectories(wanted.getParent());
        }
        Path directory = inRealParent(wanted);
        for (int links = 0; links < MOST_LINKS; links++) {
            Path target;
            try {
                target = Files.readSymbolicLink(directory);
            } catch (NotLinkException | NoSuchFileException e) {
                return directory;
            }
            try {
                directory = inRealParent(directory.resolveSibling(target));
            } catch (NoSuchFileException e) {
                throw new MountException(directory + " is a link to " + target
                        + ", which does not exist: choose another directory with --mount DIR");
            }
        }
        throw new FileSystemLoopException(wanted.toString());
    }

    /** Resolves {@code link/..} as the kernel does, not textually. */
    private static Path inRealParent(Path path) throws IOException {
        Path parent = path.getParent();
        if (parent == null) {
            return path;
        }
        return switch (path.getFileName().toString()) {
            case "." -> inRealParent(parent);
            case ".." -> parent.toRealPath().resolve("..").normalize(); // no link is left in it
            default -> parent.toRealPath().resolve(path.getFileName());
        };
    }

    /** Clears only dead mounts of our type: a live one belongs to another platform. */
    private static void clear(Path directory, Mounter mounter, Duration grace)
            throws IOException, MountException, LinuxException {
        for (MountTable.Entry entry : MountTable.read().at(directory).reversed()) {
            if (!entry.type().equals(Mounter.TYPE)) {
                return;
            }
            requireDead(directory, grace);
            mounter.detach(directory);
            log.info("cleared a stale mount of an earlier platform on {}", directory);
        }
    }

    private static void requireDead(Path directory, Duration grace) throws MountException {
        int errno = ask(directory, grace);
        if (errno == Errno.ENOTCONN.number()) {
            return;
        }
        if (errno == 0) {
            throw new MountException(
                    "another platform has mounted its tree there: choose another directory with --mount DIR");
        }
        throw new MountException((errno == Errno.EACCES.number()
                        ? "another user's platform has mounted its tree there"
                        : "another platform has mounted its tree there, and does not answer")
                + ": umount -l " + directory + ", or choose another directory with --mount DIR");
    }

    /**
     * Opens the directory on a separate thread, because a stopped platform does not answer and blocks the caller.
     *
     * @return 0 or the errno of open(2); ENOTCONN for a mount without a server
     */
    private static int ask(Path directory, Duration grace) {
        AtomicInteger answer = new AtomicInteger();
        BoundedCalls.Call call = BoundedCalls.tryStartAlone("opening " + directory, () -> {
            try (Fd _ = Fd.open(directory, Fd.O_RDONLY)) {
                answer.set(0);
            } catch (LinuxException e) {
                answer.set(e.errno());
            }
        });
        boolean answered = call != null && call.awaitUninterruptibly(Deadline.in(grace));
        return answered ? answer.get() : Errno.ETIMEDOUT.number();
    }

    private static boolean make(Path directory) throws IOException {
        if (Files.isDirectory(directory)) {
            return false;
        }
        Files.createDirectory(directory);
        return true;
    }

    /** The mounted directory. */
    public Path directory() {
        return directory;
    }

    /**
     * Whether our mount still exists: another process may have unmounted it, although requests on open files are
     * answered until the files are closed.
     *
     * @param connected as for {@link #unmount}
     */
    public boolean isMounted(BooleanSupplier connected) {
        try {
            return MountTable.read().at(directory).stream().anyMatch(this::isLikeOurs) && connected.getAsBoolean();
        } catch (IOException e) {
            log.warn("cannot determine the mounts on {}: {}", directory, e.toString());
            return false;
        }
    }

    /**
     * Such an entry is ours only if the connection still exists after the table was read: the device number may be
     * reused as soon as the connection is gone.
     */
    private boolean isLikeOurs(MountTable.Entry entry) {
        return entry.type().equals(Mounter.TYPE) && entry.device().equals(device);
    }

    /**
     * Unmounts our mount only, even if it is in use: its open files end with the session.
     *
     * @param connected whether the kernel currently holds the connection to our mount
     */
    public void unmount(BooleanSupplier connected) {
        try {
            List<MountTable.Entry> there = MountTable.read().at(directory);
            if (there.stream().noneMatch(this::isLikeOurs)) { // already unmounted by another process
                return;
            }
            if (!isLikeOurs(there.getLast())) {
                throw new MountException(
                        "another mount of type " + there.getLast().type() + " covers it");
            }
            if (!connected.getAsBoolean() && ask(directory, GRACE) != Errno.ENOTCONN.number()) {
                return; // our mount is gone, and another platform's mount has its device number
            }
            mounter.unmount(directory);
        } catch (MountException | LinuxException e) {
            log.warn("{} is left behind: {}", directory, e.getMessage());
        } catch (IOException e) {
            log.warn("{} is left behind: {}", directory, e.toString());
        }
    }

    /** Removes the directory if it was created for the mount and nothing is mounted on it. */
    public void remove() {
        try {
            if (made && MountTable.read().at(directory).isEmpty()) {
                Files.deleteIfExists(directory);
            }
        } catch (DirectoryNotEmptyException e) {
            log.info("{} is kept: it is not empty", directory);
        } catch (IOException e) {
            log.warn("{} is left behind: {}", directory, e.toString());
        }
    }
}
