package vfio.user.session;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.linux.Fd;
import mdev.linux.LinuxException;
import mdev.linux.Poll;
import mdev.linux.UnixSocket;
import mdev.sync.BoundedCalls;
import mdev.sync.Deadline;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Admits one sender at a time, and buffers answers that do not fit into the socket: a client may send many commands
 * before it receives an answer, so its commands must be received meanwhile.
 *
 * <p>The senders are the connection's thread, which normally finds the lock free, and threads that do DMA by message,
 * which are few and wait. An answer to a region access costs one uncontended compare-and-set here.
 */
final class SendLock {
    private static final Logger LOG = LoggerFactory.getLogger(SendLock.class);

    private static final Duration PAUSE = Duration.ofNanos(20_000);

    /** The limit of waiting answers in bytes: answers to as many DMA_MAPs as there can be mappings. */
    private static final int ROOM = 1 << 20;

    /** The bytes of answers that wait for the next one. */
    private static final int BATCH = 4 << 10;

    private final UnixSocket socket;
    private final Duration grace;

    /** The waiting answers, from {@link #begin} to {@link #end}; guarded by the lock, allocated when needed. */
    private @Nullable MemorySegment waiting;

    private long begin;
    /** Written by the holder of the lock. */
    private volatile long end;

    /** The thread that holds the lock, and sends. */
    private final AtomicReference<@Nullable Thread> sender = new AtomicReference<>();

    /** @param grace the time to wait for the lock before an answer; several times the timeout of one message */
    SendLock(UnixSocket socket, Duration grace) {
        this.socket = socket;
        this.grace = grace;
    }

    /**
     * Called by the connection's thread. Ends the connection if other senders hold the lock for too long.
     *
     * @param more whether another answer follows at once, so that this one may wait for it: one system call then sends
     *     both
     */
    void answer(MemorySegment buffer, long length, List<Fd> fds, boolean more) throws LinuxException {
        if (!tryLock() && !Deadline.in(grace).poll(PAUSE, this::tryLock)) {
            Thread hanging = sender.get();
            LOG.warn(
                    "the client is disconnected: an answer cannot be sent while a message to it is still being sent",
                    hanging == null ? null : BoundedCalls.stackOf(hanging));
            socket.shutdown(); // ends the connection
            return;
        }
        try {
            if (!fds.isEmpty() || length > ROOM / 2) {
                flush();
                socket.send(buffer, 0, length, fds);
                return;
            }
            if (more && end + length <= BATCH) {
                waitWith(buffer, 0, length);
                return;
            }
            if (end > 0 && end + length <= ROOM) {
                waitWith(buffer, 0, length);
                trySendWaiting();
                return;
            }
            trySendWaiting();
            long done = end == 0 ? socket.trySend(buffer, 0, length) : 0;
            if (done < length) {
                waitWith(buffer, done, length);
            }
        } finally {
            sender.set(null);
        }
    }

    private void waitWith(MemorySegment buffer, long from, long to) throws LinuxException {
        MemorySegment answers = waiting;
        if (answers == null) {
            answers = Arena.ofAuto().allocate(ROOM);
            waiting = answers;
        }
        long at = end;
        if (to - from > ROOM - at) {
            flush();
            socket.send(buffer, from, to - from);
            return;
        }
        MemorySegment.copy(buffer, from, answers, at, to - from);
        end = at + to - from;
    }

    /** Sends the waiting answers, within the socket's timeout. */
    private void flush() throws LinuxException {
        MemorySegment answers = waiting;
        if (answers != null && end > 0) {
            socket.send(answers, begin, end - begin);
            begin = 0;
            end = 0;
        }
    }

    private void trySendWaiting() throws LinuxException {
        MemorySegment answers = waiting;
        if (answers != null && end > 0) {
            begin += socket.trySend(answers, begin, end - begin);
            if (begin == end) {
                begin = 0;
                end = 0;
            }
        }
    }

    /** Called by the connection's thread at its end: sends the waiting answers if the client receives them. */
    void finish() throws LinuxException {
        if (end > 0 && Deadline.in(grace).poll(PAUSE, this::tryLock)) {
            try {
                flush();
            } finally {
                sender.set(null);
            }
        }
    }

    /**
     * Called by the connection's thread: waits for input from the client, and meanwhile sends waiting answers.
     *
     * @return false if the client neither sends nor receives within the patience
     */
    boolean awaitInput(Duration patience) throws LinuxException {
        while (end > 0) {
            int events = Poll.await(socket.fd(), Poll.POLLIN | Poll.POLLOUT, patience);
            if (events == 0) {
                return false;
            }
            if (tryLock()) { // otherwise another thread sends the answers
                try {
                    trySendWaiting();
                } finally {
                    sender.set(null);
                }
            }
            if ((events & ~Poll.POLLOUT) != 0) {
                return true;
            }
        }
        return true;
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
            flush();
            socket.send(message, 0, message.byteSize());
        } catch (LinuxException e) {
            socket.shutdown();
            throw new ErrnoException(Errno.EIO, "the client does not receive messages: " + e.getMessage());
        } finally {
            sender.set(null);
        }
    }
}
