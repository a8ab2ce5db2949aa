package mdev.fuse.mount;

import java.io.IOException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import mdev.api.errno.Errno;
import mdev.linux.Fd;
import mdev.linux.LinuxException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The directory that the tree is mounted on. Once it is mounted, nothing here may touch it: the answer would have to come from this very process. */
public final class MountPoint {
    private static final Logger log = LoggerFactory.getLogger(MountPoint.class);

    private static final String SOURCE = "mdev";
    private static final String SUBTYPE = "mdev";
    private static final String TYPE = "fuse." + SUBTYPE;

    private final Path directory;
    private final boolean made;
    private final Mounter mounter;

    private MountPoint(Path directory, boolean made, Mounter mounter) {
        this.directory = directory;
        this.made = made;
        this.mounter = mounter;
    }

    /** A mount that has been made. */
    public record Mounted(MountPoint point, Fd fd) {}

    /**
     * Mounts: as root oneself, else with fusermount3. A mount that a killed platform left there is cleared first.
     *
     * @return the mount point, and {@code /dev/fuse} for who answers
     * @throws MountException with the reason and what can be done
     */
    public static Mounted mount(Path wanted, int uid, int gid) throws MountException {
        Mounter mounter = uid == 0 ? new RootMounter() : new Fusermount();
        Path directory = wanted.toAbsolutePath().normalize();
        try {
            if (directory.getParent() != null) {
                Files.createDirectories(directory.getParent());
                directory = directory.getParent().toRealPath().resolve(directory.getFileName());
            }
            // The directory of a mount that was left is one that was made then.
            boolean cleared = clear(directory, mounter);
            boolean made = make(directory) || cleared;
            try {
                Path real = directory.toRealPath(); // now: once it is mounted, to look would be to ask ourselves
                Fd fd = mounter.mount(real, SOURCE, SUBTYPE, uid, gid);
                return new Mounted(new MountPoint(real, made, mounter), fd);
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

    /** Only what is ours and dead: a live one belongs to another platform. @return whether there was such a mount */
    private static boolean clear(Path directory, Mounter mounter) throws IOException, MountException {
        boolean cleared = false;
        for (MountTable.Entry entry : MountTable.read().at(directory).reversed()) {
            if (!entry.type().equals(TYPE)) {
                break;
            }
            try (Fd _ = Fd.open(directory, Fd.O_RDONLY)) {
                throw new MountException(
                        "another platform has mounted its tree there: choose another directory with --mount DIR");
            } catch (LinuxException e) {
                if (e.errno() != Errno.ENOTCONN.number()) {
                    throw new MountException(e.getMessage() + ": choose another directory with --mount DIR");
                }
            }
            mounter.detach(directory);
            log.info("cleared the mount that an earlier platform left on {}", directory);
            cleared = true;
        }
        return cleared;
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

    /** Takes the mount out of the tree, also one that is in use: what is open there ends with the session. */
    public void unmount() {
        try {
            mounter.unmount(directory);
        } catch (MountException e) {
            log.warn("{} is left behind: {}", directory, e.getMessage());
            return;
        }
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
