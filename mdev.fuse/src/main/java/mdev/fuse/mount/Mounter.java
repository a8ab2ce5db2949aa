package mdev.fuse.mount;

import java.nio.file.Path;
import mdev.linux.Fd;

/** Who may mount and unmount. */
sealed interface Mounter permits RootMounter, Fusermount {
    /** @return {@code /dev/fuse} of the mount, nonblocking */
    Fd mount(Path directory, String source, String subtype, int uid, int gid) throws MountException;

    /** Also one that is in use, which is told; one that is not there any more is as good. */
    void unmount(Path directory) throws MountException;

    /** Whatever uses it, and whether or not anybody answers for it. */
    void detach(Path directory) throws MountException;
}
