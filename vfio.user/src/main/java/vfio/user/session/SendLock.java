package vfio.user.session;

import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.linux.Fd;
import mdev.linux.LinuxException;
import mdev.linux.UnixSocket;
import mdev.sync.BoundedCalls;
import mdev.sync.Deadline;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Admits one sender at a time: the connection's thread, which normally finds the lock free, and the few threads that do
 * DMA by message, which wait. An answer to a region access costs one uncontended compare-and-set.
 */
final class SendLock {
    private static final Logger LOG = LoggerFactory.getLogger(SendLock.class);

    private static final Duration PAUSE = Duration.ofNanos(20_000);

    private final UnixSocket socket;
    private final Duration grace;

    /** The thread that holds the lock and sends. */
    private final AtomicReference<@Nullable Thread> sender = new AtomicReference<>();

    /** @param grace the time to wait for the lock before an answer; several times the timeout of one message */
    SendLock(UnixSocket socket, Duration grace) {
        this.socket = socket;
        this.grace = grace;
    }

    /** Called by the connection's thread. Ends the connection if other senders hold the lock for too long. */
    void answer(MemorySegment buffer, long length, List<Fd> fds) throws LinuxException {
        if (!tryLock() && !Deadline.in(grace).poll(PAUSE, this::tryLock)) {
            Thread hanging = sender.get();
            LOG.warn(
                    "the client is disconnected: an answer cannot be sent while a message to it is still being sent",
                    hanging == null ? null : BoundedCalls.stackOf(hanging));
            socket.shutdown(); // ends the connection
            return;
        }
        try {
            socket.send(buffer, 0, length, fds);
        } finally {
            sender.set(null);
        }
    }

    private boolean tryLock() {
        return sender.compareAndSet(null, Thread.currentThread());
    }

    /**
     * Called by the other threads.
     *
     * @throws ErrnoException EIO: other senders held the lock for too long, or the client has disconnected, or it is
     *     disconnected now, because an unknown part of the message was sent
     */
    void command(MemorySegment message, Deadline deadline) throws ErrnoException {
        if (!deadline.poll(PAUSE, this::tryLock)) {
            throw new ErrnoException(Errno.EIO, "the client does not receive messages");
        }
        try {
            socket.send(message, 0, message.byteSize());
        } catch (LinuxException e) {
            socket.shutdown();
            throw new ErrnoException(Errno.EIO, "the client does not receive messages: " + e.getMessage());
        } finally {
            sender.set(null);
        }
    }
}
