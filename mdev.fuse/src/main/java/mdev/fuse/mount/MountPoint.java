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
 * The directory that the tree is mounted on. Once it is mounted, nothing here may touch it: the answer would have to
 * come from this very process.
 */
public final class MountPoint {
    private static final Logger log = LoggerFactory.getLogger(MountPoint.class);

    private static final String SOURCE = "mdev";
    private static final String SUBTYPE = "mdev";
    private static final String TYPE = "fuse." + SUBTYPE;

    /** As in path resolution: {@code MAXSYMLINKS}. */
    private static final int MOST_LINKS = 40;

    /**
     * For what may be another platform's mount, when ours ends. Of our own there is an answer at once, as soon as the
     * thread that asks has a processor.
     */
    private static final Duration GRACE = Duration.ofSeconds(30);

    private final Path directory;
    private final boolean made;
    private final Mounter mounter;

    /** By which our mount is told from what others put in its place. */
    private final String device;

    private MountPoint(Path directory, boolean made, Mounter mounter, String device) {
        this.directory = directory;
        this.made = made;
        this.mounter = mounter;
        this.device = device;
    }

    /** A mount that has been made. */
    public record Mounted(MountPoint point, Fd fd) {}

    /**
     * Mounts: as root oneself, else with fusermount3. A mount that a killed platform left there is cleared first.
     *
     * @param grace how long a platform that has mounted there already may take to answer
     * @return the mount point, and {@code /dev/fuse} for who answers
     * @throws MountException with the reason and what can be done
     */
    public static Mounted mount(Path wanted, int uid, int gid, Duration grace) throws MountException {
        Mounter mounter = uid == 0 ? new RootMounter() : new Fusermount();
        Path directory = wanted.toAbsolutePath();
        try {
            directory = resolve(directory);
            clear(directory, mounter, grace);
            // Who made the directory of a mount that was left, nobody knows any more: so it stays.
            boolean made = make(directory);
            try {
                Path real = directory.toRealPath(); // now: once it is mounted, to look would be to ask ourselves
                Fd fd = mounter.mount(real, SOURCE, SUBTYPE, uid, gid);
                try {
                    return new Mounted(new MountPoint(real, made, mounter, device(real)), fd);
                } catch (IOException e) {
                    fd.close();
                    mounter.detach(real);
                    throw e;
                }
            } catch (MountException | IOException e) {
                if (made) {
                    Files.deleteIfExists(directory);
                }
                throw e;
            }
        } catch (FileAlreadyExistsException e) {
            throw new MountException(directory + " is no directory: choose another with --mount DIR");
        } catch (IOException e) {
            throw new MountException(e + ": choose another directory with --mount DIR");
        }
    }

    /** The newest of our type, which is the one just made. */
    private static String device(Path directory) throws IOException {
        return MountTable.read().at(directory).reversed().stream()
                .filter(entry -> entry.type().equals(TYPE))
                .findFirst()
                .map(MountTable.Entry::device)
                .orElse(""); // somebody has unmounted it already, and the session will see
    }

    /**
     * Where links lead, without touching what is mounted there: readlink(2) of a directory fails before its file system
     * is asked.
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
                        + ", which is nowhere: choose another directory with --mount DIR");
            }
        }
        throw new FileSystemLoopException(wanted.toString());
    }

    /** Not by the text alone: {@code link/..} is where the kernel finds it. */
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

    /** Only what is ours and dead: a live one belongs to another platform. */
    private static void clear(Path directory, Mounter mounter, Duration grace) throws IOException, MountException {
        for (MountTable.Entry entry : MountTable.read().at(directory).reversed()) {
            if (!entry.type().equals(TYPE)) {
                return;
            }
            requireDead(directory, grace);
            mounter.detach(directory);
            log.info("cleared the mount that an earlier platform left on {}", directory);
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
     * Asks on a thread of its own: a platform that is stopped does not answer, and who asks it waits as long.
     *
     * @return 0 or the errno of open(2); ENOTCONN of a mount that nobody answers for any more
     */
    private static int ask(Path directory, Duration grace) {
        AtomicInteger answer = new AtomicInteger();
        BoundedCalls.Call call = new BoundedCalls("mdev-fuse-probe").tryStart("opening " + directory, () -> {
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

    /** Where it is. */
    public Path directory() {
        return directory;
    }

    /**
     * Whether our mount is there still: somebody else may have taken it away, though what is open in it is answered
     * until it is closed.
     *
     * @param connected as of {@link #unmount}
     */
    public boolean isMounted(BooleanSupplier connected) {
        try {
            return MountTable.read().at(directory).stream().anyMatch(this::isLikeOurs) && connected.getAsBoolean();
        } catch (IOException e) {
            log.warn("what is on {} cannot be told: {}", directory, e.toString());
            return false;
        }
    }

    /**
     * And is ours if the connection was there after the table was read: the number is another's at once when it has
     * gone.
     */
    private boolean isLikeOurs(MountTable.Entry entry) {
        return entry.type().equals(TYPE) && entry.device().equals(device);
    }

    /**
     * Takes the mount out of the tree, also one that is in use: what is open there ends with the session. Nothing else
     * that is on the directory.
     *
     * @param connected whether the kernel holds the connection to our mount at the moment of asking
     */
    public void unmount(BooleanSupplier connected) {
        try {
            List<MountTable.Entry> there = MountTable.read().at(directory);
            if (there.stream().noneMatch(this::isLikeOurs)) { // somebody has done it already
                return;
            }
            if (!isLikeOurs(there.getLast())) {
                throw new MountException(
                        "somebody has mounted a " + there.getLast().type() + " over it");
            }
            if (!connected.getAsBoolean() && ask(directory, GRACE) != Errno.ENOTCONN.number()) {
                return; // ours is gone, and another platform's has its number
            }
            mounter.unmount(directory);
        } catch (MountException e) {
            log.warn("{} is left behind: {}", directory, e.getMessage());
        } catch (IOException e) {
            log.warn("{} is left behind: {}", directory, e.toString());
        }
    }

    /** Removes the directory if it was made for the mount, and nothing is on it now. */
    public void remove() {
        try {
            if (made && MountTable.read().at(directory).isEmpty()) {
                Files.deleteIfExists(directory);
            }
        } catch (DirectoryNotEmptyException e) {
            log.info("{} stays, there is something in it", directory);
        } catch (IOException e) {
            log.warn("{} is left behind: {}", directory, e.toString());
        }
    }
}
