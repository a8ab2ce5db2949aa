package mdev.fuse.mount;

import java.nio.file.Path;
import mdev.api.errno.Errno;
import mdev.linux.Fd;
import mdev.linux.LinuxException;
import mdev.linux.Mount;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Mounts with mount(2) and umount2(2), which need CAP_SYS_ADMIN. */
final class RootMounter implements Mounter {
    private static final Logger log = LoggerFactory.getLogger(RootMounter.class);

    @Override
    public Fd mount(Path directory, int uid, int gid) throws MountException {
        Fd fd;
        try {
            fd = Fd.open(Path.of("/dev/fuse"), Fd.O_RDWR | Fd.O_NONBLOCK);
        } catch (LinuxException e) {
            throw new MountException(e.getMessage() + ": modprobe fuse, or give the container this device");
        }
        try {
            Mount.mount(
                    NAME,
                    directory,
                    TYPE,
                    Mount.MS_NOSUID | Mount.MS_NODEV | Mount.MS_NOEXEC,
                    "fd=" + fd.number() + ",rootmode=40755,user_id=" + uid + ",group_id=" + gid
                            + ",default_permissions,allow_other");
            return fd;
        } catch (LinuxException e) {
            fd.close();
            boolean forbidden = e.errno() == Errno.EPERM.number() || e.errno() == Errno.EACCES.number();
            throw new MountException(e.getMessage()
                    + (forbidden ? ": it requires CAP_SYS_ADMIN" : ": choose another directory with --mount DIR"));
        }
    }

    @Override
    public void unmount(Path directory) throws LinuxException {
        try {
            Mount.unmount(directory);
        } catch (LinuxException e) {
            if (e.errno() == Errno.EBUSY.number()) {
                log.warn("{} is in use: detached, so that no new process can enter it", directory);
                detach(directory);
            } else if (e.errno() != Errno.EINVAL.number()) {
                throw e;
            }
        }
    }

    @Override
    public void detach(Path directory) throws LinuxException {
        Mount.detach(directory);
    }
}
