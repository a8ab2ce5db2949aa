package mdev.fuse.mount;

import java.nio.file.Path;
import mdev.linux.Fd;

/** Mounts and unmounts a file system. */
sealed interface Mounter permits RootMounter, Fusermount {
    /** @return {@code /dev/fuse} of the mount, nonblocking */
    Fd mount(Path directory, String source, String subtype, int uid, int gid) throws MountException;

    /**
     * Unmounts the file system. If it is in use, it is detached with a warning; if it is already unmounted, nothing
     * happens.
     */
    void unmount(Path directory) throws MountException;

    /** Detaches the mount, even if it is in use or has no server. */
    void detach(Path directory) throws MountException;
}
