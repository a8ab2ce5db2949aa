package vfio.user.session;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.HashSet;
import java.util.Set;
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

    /** How often a waiting thread checks its deadline and {@link #suspended}. */
    private static final Duration LOOK = Duration.ofMillis(10);

    /** The limit of commands without an answer: with so many the client has stopped answering. */
    private static final int MOST_UNANSWERED = 1024;

    private final UnixSocket socket;
    private final Fd client;
    private final Arena arena = Arena.ofShared();
    private final MemorySegment out = arena.allocate(DmaMessage.MAX_SIZE, Long.BYTES);
    private final Message request = new Message(out);
    private final MemorySegment in = arena.allocate(DmaMessage.MAX_SIZE, Long.BYTES);
    private final Message answer = new Message(in);

    /** The connection's thread, which suspends and is not suspended itself. */
    private final Thread owner = Thread.currentThread();

    /** Guards the buffers, the following fields, and the pairing of commands and answers. */
    private final ReentrantLock lock = new ReentrantLock();

    /** The bytes received of the next message; a thread that times out leaves the rest to the next thread. */
    private long received;

    /** The ids of unanswered commands, including those that have timed out. */
    private final Set<Integer> unanswered = new HashSet<>();

    /** Set without the lock. */
    private volatile @Nullable AddressRange suspended;

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

    /**
     * Called by the connection's thread.
     *
     * @param answer how long the client may take to receive a message
     */
    static TwinChannel open(Duration answer) throws ErrnoException {
        try {
            UnixSocket.Pair pair = UnixSocket.pair(1);
            try {
                pair.first().setSendTimeout(answer);
                pair.first().setReceiveTimeout(LOOK);
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
            int id = send(command);
            receive(command, id, deadline);
        } catch (LinuxException e) {
            broken = true;
            throw new ErrnoException(Errno.EIO, "the client is gone: " + e.getMessage());
        } finally {
            inside = null;
            lock.unlock();
        }
    }

    private int send(DmaMessage command) throws LinuxException, ErrnoException {
        checkSuspended(command);
        if (unanswered.size() == MOST_UNANSWERED) {
            throw new ErrnoException(Errno.EIO, "the client has stopped answering");
        }
        do {
            lastId = (lastId + 1) & 0xffff;
        } while (!unanswered.add(lastId));
        command.write(request, lastId);
        socket.send(out, 0, request.size());
        return lastId;
    }

    /** Receives the answer, and drops answers to commands that have timed out. */
    private void receive(DmaMessage command, int id, Deadline deadline) throws LinuxException, ErrnoException {
        for (; ; ) {
            receive(Message.HEADER, command, deadline);
            if (answer.size() < Message.HEADER || answer.size() > DmaMessage.MAX_SIZE) {
                throw disagree(command);
            }
            receive(answer.size(), command, deadline);
            received = 0;
            if (!answer.isReply() || !unanswered.remove(answer.id())) {
                throw disagree(command);
            }
            if (answer.id() == id) {
                command.take(answer);
                return;
            }
        }
    }

    private ErrnoException disagree(DmaMessage command) {
        broken = true;
        return new ErrnoException(Errno.EPROTO, "not an answer to " + command.command());
    }

    private void receive(long to, DmaMessage command, Deadline deadline) throws LinuxException, ErrnoException {
        while (received < to) {
            checkSuspended(command);
            if (deadline.hasPassed()) { // checked even with input: a client may send its answer byte by byte
                throw new ErrnoException(Errno.EIO, "the client has not answered");
            }
            long n = socket.receive(in, received, to - received, 0);
            if (n == UnixSocket.END) {
                broken = true;
                throw new ErrnoException(Errno.EIO, "the client is gone");
            }
            received += n;
        }
    }

    private void checkSuspended(DmaMessage command) throws ErrnoException {
        AddressRange range = suspended;
        if (range != null
                && range.has(command.address())
                && !Thread.currentThread().equals(owner)) {
            throw new ErrnoException(Errno.EIO, SUSPENDED);
        }
    }

    @Override
    public void suspend(AddressRange range) {
        suspended = range;
    }

    @Override
    public void resume() {
        suspended = null;
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
