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
 * One sender at a time: the connection's thread, whose answers find it free, and threads that do DMA by message, which
 * are few and wait. An answer to a region access costs one uncontended compare-and-set here.
 */
final class SendLock {
    private static final Logger LOG = LoggerFactory.getLogger(SendLock.class);

    private static final Duration PAUSE = Duration.ofNanos(20_000);

    private final UnixSocket socket;
    private final Duration grace;

    /** The thread that holds the lock, and sends. */
    private final AtomicReference<@Nullable Thread> sender = new AtomicReference<>();

    /** @param grace for an answer to be sent; several times as long as one message may take */
    SendLock(UnixSocket socket, Duration grace) {
        this.socket = socket;
        this.grace = grace;
    }

    /** For the connection's thread. It ends the connection where others were sending all the time. */
    void answer(MemorySegment buffer, long length, List<Fd> fds) throws LinuxException {
        if (!tryLock() && !Deadline.in(grace).poll(PAUSE, this::tryLock)) {
            Thread hanging = sender.get();
            LOG.warn(
                    "the client is cut off: an answer cannot be sent, since a message to it is still being sent",
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
     * For the others.
     *
     * @throws ErrnoException EIO: others were sending all the time, or the client is gone, or it is now: it took part
     *     of the message, and nobody knows how much
     */
    void command(MemorySegment message, Deadline deadline) throws ErrnoException {
        if (!deadline.poll(PAUSE, this::tryLock)) {
            throw new ErrnoException(Errno.EIO, "the client takes no messages");
        }
        try {
            socket.send(message, 0, message.byteSize());
        } catch (LinuxException e) {
            socket.shutdown();
            throw new ErrnoException(Errno.EIO, "the client takes no messages: " + e.getMessage());
        } finally {
            sender.set(null);
        }
    }
}
