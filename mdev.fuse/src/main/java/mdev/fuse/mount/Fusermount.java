package mdev.fuse.mount;

import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import mdev.api.errno.Errno;
import mdev.linux.Fd;
import mdev.linux.LinuxException;
import mdev.linux.Program;
import mdev.linux.UnixSocket;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Mounts with {@code fusermount3}, which is set-user-ID root and sends {@code /dev/fuse} over the socket in
 * {@code _FUSE_COMMFD}.
 */
final class Fusermount implements Mounter {
    private static final Logger log = LoggerFactory.getLogger(Fusermount.class);

    /** The timeout of one call, which waits at most for the file system. */
    private static final Duration LONGEST = Duration.ofSeconds(10);

    private static final String PROGRAM = "fusermount3";

    @Override
    public Fd mount(Path directory, int uid, int gid) throws MountException, LinuxException {
        String options = "nosuid,nodev,noexec,default_permissions,fsname=" + NAME + ",subtype=" + NAME;
        try (UnixSocket.Pair pair = UnixSocket.pair(1);
                Arena arena = Arena.ofConfined()) {
            run(pair.second().fd(), "-o", options, "--", directory.toString());
            pair.second().close(); // otherwise the stream has no end if nothing was sent
            try {
                pair.first().receive(arena.allocate(1), 0, 1, 0);
                return nonblocking(pair.first().takeFds());
            } catch (LinuxException | MountException e) {
                detach(directory); // the mount exists, but no session can serve it
                throw e;
            }
        }
    }

    private static Fd nonblocking(List<Fd> sent) throws LinuxException, MountException {
        if (sent.isEmpty()) {
            throw new MountException(PROGRAM + " did not send a descriptor");
        }
        try {
            sent.getFirst().setNonblocking(true);
            return sent.getFirst();
        } catch (LinuxException e) {
            sent.forEach(Fd::close);
            throw e;
        }
    }

    @Override
    public void unmount(Path directory) throws MountException, LinuxException {
        try {
            run("-u", directory);
        } catch (MountException | LinuxException e) {
            log.warn("{} is in use: detached, so that no new process can enter it ({})", directory, e.getMessage());
            detach(directory);
        }
    }

    @Override
    public void detach(Path directory) throws MountException, LinuxException {
        run("-uz", directory);
    }

    private static void run(String option, Path directory) throws MountException, LinuxException {
        try (UnixSocket.Pair pair = UnixSocket.pair(0)) {
            run(pair.second().fd(), option, "--", directory.toString());
        }
    }

    private static void run(Fd socket, String... arguments) throws MountException, LinuxException {
        try {
            Program.Ended ended = Program.run(
                    Stream.concat(Stream.of(PROGRAM), Stream.of(arguments)).toList(),
                    List.of("_FUSE_COMMFD=" + Program.PASSED, "PATH=/usr/bin:/bin:/usr/local/bin"),
                    socket,
                    LONGEST);
            if (ended.status() != 0) {
                throw new MountException(
                        ended.errors().isBlank()
                                ? PROGRAM + " failed"
                                : ended.errors().strip());
            }
        } catch (LinuxException e) {
            if (e.errno() != Errno.ENOENT.number()) {
                throw e;
            }
            throw new MountException("mounting without root requires " + PROGRAM + ": install the package fuse3");
        }
    }
}
