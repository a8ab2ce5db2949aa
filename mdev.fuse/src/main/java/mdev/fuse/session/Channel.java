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

/** {@code /dev/fuse} of one mount. One thread at a time receives, any thread sends. */
final class Channel implements AutoCloseable {
    /** The errno of read(2) after the unmount. */
    private static final int ENODEV = Errno.ENODEV.number();

    private static final int ECONNABORTED = 103;
    private static final Logger log = LoggerFactory.getLogger(Channel.class);

    /** Grace period of the close: a notification may wait for a directory lock that another process holds. */
    private static final Duration GRACE = Duration.ofSeconds(1);

    private final Fd fd;
    private final MemorySegment buffer = Arena.ofAuto().allocate(Request.MAX_LENGTH, Long.BYTES);

    /**
     * Guards one invariant: no thread sends on a closed descriptor, whose number may already be reused. Shared by
     * senders.
     */
    private final ReadWriteLock open = new ReentrantReadWriteLock();

    /** The sending threads, for the log. */
    private final Set<Thread> senders = ConcurrentHashMap.newKeySet();

    private volatile boolean ended;

    /** @param fd open for reading and writing, nonblocking; ownership is taken */
    Channel(Fd fd) {
        this.fd = fd;
    }

    /**
     * A new epoll instance that is ready when there is a request.
     *
     * @throws LinuxException EMFILE, ENFILE; EBADF: closed
     */
    Epoll epoll() throws LinuxException {
        Epoll epoll = Epoll.create(1);
        try {
            epoll.add(fd, Epoll.EPOLLIN, 0);
            return epoll;
        } catch (LinuxException e) {
            epoll.close();
            throw e;
        }
    }

    /**
     * Receives a request, without waiting for one.
     *
     * @return a request that is valid until the next call; null if there is none, or the channel {@link #hasEnded}
     * @throws LinuxException an unexpected error
     */
    @Nullable
    Request receive() throws LinuxException {
        Lock receiving = open.readLock();
        receiving.lock();
        try {
            return Request.of(buffer, fd.read(buffer));
        } catch (LinuxException e) {
            if (e.errno() == ENODEV || e.errno() == ECONNABORTED) {
                ended = true;
            } else if (e.errno() != Errno.EAGAIN.number() && e.errno() != Errno.ENOENT.number()) {
                // EAGAIN: no request; ENOENT: it was aborted before it was read.
                throw e;
            }
            return null;
        } finally {
            receiving.unlock();
        }
    }

    /**
     * Sends a message.
     *
     * @throws LinuxException ENOENT: the request was aborted, or the kernel does not know the subject of the
     *     notification; ENODEV: unmounted
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

    /** Sends the answer to a request, which may have been aborted meanwhile. */
    void answer(MemorySegment message) {
        try {
            send(message);
        } catch (LinuxException e) {
            log.debug("an answer is discarded: {}", e.getMessage());
        }
    }

    /**
     * Whether the kernel currently holds the connection: it releases the connection before the mount's device number
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

    /** Whether no more requests are received: after {@link #end} or an unmount. */
    boolean hasEnded() {
        return ended;
    }

    /** No more requests are received. */
    void end() {
        ended = true;
    }

    /** Ends the connection: processes that still use the file system get ENOTCONN. Idempotent. */
    @Override
    public void close() {
        end();
        Lock closing = open.writeLock();
        if (!Deadline.in(GRACE).tryLock(closing)) {
            Thread hanging = senders.stream().findFirst().orElse(null);
            log.warn(
                    "the file system cannot be closed: sending a message to the kernel did not return in time",
                    hanging == null ? null : BoundedCalls.stackOf(hanging));
            return;
        }
        try {
            fd.close();
        } finally {
            closing.unlock();
        }
    }
}
