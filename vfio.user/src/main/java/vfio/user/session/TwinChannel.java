package vfio.user.session;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
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
import vfio.user.wire.DmaMessage;
import vfio.user.wire.Message;

/** DMA over the second socket of a client that has requested one: one command at a time, from any thread. */
final class TwinChannel implements DmaChannel {
    private static final Logger LOG = LoggerFactory.getLogger(TwinChannel.class);

    /** Grace period for a running command when the socket is shut down. */
    private static final Duration GRACE = Duration.ofSeconds(2);

    private final UnixSocket socket;
    private final Fd client;
    private final Arena arena = Arena.ofShared();
    private final MemorySegment buffer = arena.allocate(DmaMessage.MAX_SIZE, Long.BYTES);
    private final Message message = new Message(buffer);

    /** Guards the buffer, and the pairing of commands and answers. */
    private final ReentrantLock lock = new ReentrantLock();

    /** The thread of the running command. */
    private volatile @Nullable Thread inside;

    private int lastId;
    private boolean closed;

    /** Set when the two sides are out of sync, after which the channel is unusable. */
    private boolean broken;

    private TwinChannel(UnixSocket.Pair pair) {
        this.socket = pair.first();
        // Closing the socket object would shut down the connection, which the client's descriptor shares.
        this.client = pair.second().release();
    }

    /** @param answer how long the client may take to receive a message */
    static TwinChannel open(Duration answer) throws ErrnoException {
        try {
            UnixSocket.Pair pair = UnixSocket.pair(1);
            try {
                pair.first().setSendTimeout(answer);
                return new TwinChannel(pair);
            } catch (LinuxException e) {
                pair.close();
                throw e;
            }
        } catch (LinuxException e) {
            throw new ErrnoException(Errno.of(e.errno()), "cannot create a twin socket: " + e.getMessage());
        }
    }

    /** The client's end, to be passed to it. */
    Fd clientFd() {
        return client;
    }

    /**
     * Closes our copy of the client's end, which would otherwise keep the socket open after the client has closed its
     * own.
     */
    void passed() {
        client.close();
    }

    @Override
    public void exchange(DmaMessage command, Deadline deadline) throws ErrnoException {
        try {
            if (!lock.tryLock(deadline.remainingNanos(), TimeUnit.NANOSECONDS)) {
                throw new ErrnoException(Errno.EIO, "the client has not answered");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new ErrnoException(Errno.EINTR, "interrupted while the client answers " + command.command());
        }
        try {
            if (closed || broken) {
                throw new ErrnoException(Errno.EIO, closed ? "the client is gone" : "the client has stopped answering");
            }
            inside = Thread.currentThread();
            broken = true; // reset on success
            exchangeLocked(command, deadline);
        } catch (LinuxException e) {
            throw new ErrnoException(Errno.EIO, "the client is gone: " + e.getMessage());
        } finally {
            inside = null;
            lock.unlock();
        }
    }

    private void exchangeLocked(DmaMessage command, Deadline deadline) throws LinuxException, ErrnoException {
        int id = ++lastId & 0xffff;
        command.write(message, id);
        socket.send(buffer, 0, message.size());
        receive(0, Message.HEADER, deadline);
        if (!message.isReply()
                || message.id() != id
                || message.size() < Message.HEADER
                || message.size() > DmaMessage.MAX_SIZE) {
            throw new ErrnoException(Errno.EPROTO, "not an answer to " + command.command());
        }
        receive(Message.HEADER, message.size(), deadline);
        broken = false;
        command.take(message);
    }

    private void receive(long from, long to, Deadline deadline) throws LinuxException, ErrnoException {
        for (long at = from; at < to; ) {
            socket.setReceiveTimeout(Duration.ofNanos(Math.max(1, deadline.remainingNanos())));
            long n = socket.receive(buffer, at, to - at, 0);
            if (n <= 0) {
                throw new ErrnoException(Errno.EIO, n == 0 ? "the client has not answered" : "the client is gone");
            }
            at += n;
        }
    }

    @Override
    public void close() {
        socket.shutdown(); // ends a pending wait
        if (!Deadline.in(GRACE).tryLock(lock)) {
            Thread hanging = inside;
            LOG.warn(
                    "the second socket of a client cannot be closed: a command on it did not return in time",
                    hanging == null ? null : BoundedCalls.stackOf(hanging));
            return;
        }
        try {
            if (!closed) {
                closed = true;
                socket.close();
                client.close();
                arena.close();
            }
        } finally {
            lock.unlock();
        }
    }
}
