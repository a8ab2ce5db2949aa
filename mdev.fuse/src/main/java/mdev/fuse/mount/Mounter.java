package mdev.fuse.mount;

import java.nio.file.Path;
import mdev.linux.Fd;
import mdev.linux.LinuxException;

/** Mounts and unmounts a file system. */
sealed interface Mounter permits RootMounter, Fusermount {
    /** The source of the mount, and the subtype of its file system. */
    String NAME = "mdev";

    /** The type of the mounted file system. */
    String TYPE = "fuse." + NAME;

    /** @return {@code /dev/fuse} of the mount, nonblocking */
    Fd mount(Path directory, int uid, int gid) throws MountException, LinuxException;

    /**
     * Unmounts the file system. If it is in use, it is detached with a warning; if it is already unmounted, nothing
     * happens.
     */
    void unmount(Path directory) throws MountException, LinuxException;

    /** Detaches the mount, even if it is in use or has no server. */
    void detach(Path directory) throws MountException, LinuxException;
}
