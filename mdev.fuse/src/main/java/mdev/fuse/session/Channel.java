package mdev.fuse.session;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import mdev.api.errno.Errno;
import mdev.fuse.wire.Request;
import mdev.linux.Epoll;
import mdev.linux.Fd;
import mdev.linux.LinuxException;
import mdev.linux.Poll;
import mdev.sync.BoundedCalls;
import mdev.sync.Deadline;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** {@code /dev/fuse} of one mount. One thread receives, any thread sends. */
final class Channel implements AutoCloseable {
    /** What read(2) says when there is no mount any more. */
    private static final int ENODEV = Errno.ENODEV.number();

    private static final int ECONNABORTED = 103;
    private static final Logger log = LoggerFactory.getLogger(Channel.class);

    /** A notification may wait for a directory that a process holds locked for reasons of its own. */
    private static final Duration GRACE = Duration.ofSeconds(1);

    private static final Duration LONG = Duration.ofDays(1);

    private final Fd fd;
    private final Epoll epoll;
    private final MemorySegment buffer = Arena.ofAuto().allocate(Request.MAX_LENGTH, Long.BYTES);

    /**
     * Guards one invariant: nobody sends on a number that is closed, and may be another file's by then. Senders share
     * it.
     */
    private final ReadWriteLock open = new ReentrantReadWriteLock();

    /** The threads that send; for the log. */
    private final Set<Thread> senders = ConcurrentHashMap.newKeySet();

    private volatile boolean ended;

    /** @param fd open for reading and writing, and nonblocking; owned from here on */
    Channel(Fd fd) throws LinuxException {
        this.fd = fd;
        this.epoll = Epoll.create(1);
        try {
            epoll.add(fd, Epoll.EPOLLIN, 0);
        } catch (LinuxException e) {
            epoll.close();
            throw e;
        }
    }

    /**
     * Waits for the next request.
     *
     * @return what is valid until the next call; null at the end, be it {@link #end} or the unmounting
     * @throws LinuxException the kernel refuses in a way that it never should
     */
    @Nullable
    Request receive() throws LinuxException {
        while (!ended) {
            if (epoll.await(LONG) == 0) {
                continue;
            }
            try {
                return Request.of(buffer, fd.read(buffer));
            } catch (LinuxException e) {
                if (e.errno() == ENODEV || e.errno() == ECONNABORTED) {
                    return null;
                }
                // ENOENT: the request was taken back before it was read.
                if (e.errno() != Errno.EAGAIN.number() && e.errno() != Errno.ENOENT.number()) {
                    throw e;
                }
            }
        }
        return null;
    }

    /**
     * Sends an answer or a notification.
     *
     * @throws LinuxException ENOENT: the request was aborted, or nobody knows what the notification is about; ENODEV:
     *     unmounted
     */
    void send(MemorySegment message) throws LinuxException {
        Lock sending = open.readLock();
        sending.lock();
        senders.add(Thread.currentThread());
        try {
            fd.write(message);
        } finally {
            senders.remove(Thread.currentThread());
            sending.unlock();
        }
    }

    /**
     * Whether the kernel holds the connection at this moment: it lets go of it before the mount's device number
     * ({@code fuse_kill_sb_anon()}).
     */
    boolean isConnected() {
        Lock asking = open.readLock();
        asking.lock();
        try {
            return (Poll.await(fd, 0, Duration.ZERO) & Poll.POLLERR) == 0;
        } catch (LinuxException e) {
            return false; // closed
        } finally {
            asking.unlock();
        }
    }

    /** Lets {@link #receive} return null. */
    void end() {
        ended = true;
        epoll.wakeup();
    }

    /** Ends the connection: whoever still uses the file system gets ENOTCONN. Idempotent. */
    @Override
    public void close() {
        end();
        Lock closing = open.writeLock();
        if (!Deadline.in(GRACE).tryLock(closing)) {
            Thread hanging = senders.stream().findFirst().orElse(null);
            log.warn(
                    "the file system is left behind: the kernel does not take a message",
                    hanging == null ? null : BoundedCalls.stackOf(hanging));
            return;
        }
        try {
            fd.close();
        } finally {
            closing.unlock();
        }
        epoll.close();
    }
}
