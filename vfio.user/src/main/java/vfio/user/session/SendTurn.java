package vfio.user.session;

import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.linux.Fd;
import mdev.linux.LinuxException;
import mdev.linux.UnixSocket;

/**
 * One sender at a time: the connection's thread, whose answers find the turn free, and threads that do DMA by message, which are few and
 * wait. An answer to a region access costs one uncontended compare-and-set here.
 */
final class SendTurn {
    private static final long PAUSE_NANOS = 20_000;

    private final UnixSocket socket;

    /** Taken by the one that sends. */
    private final AtomicBoolean taken = new AtomicBoolean();

    SendTurn(UnixSocket socket) {
        this.socket = socket;
    }

    /** For the connection's thread. The waiting is bounded, as each sending is: see {@link Served#answer}. */
    void answer(MemorySegment buffer, long length, List<Fd> fds) throws LinuxException {
        while (!taken.compareAndSet(false, true)) {
            LockSupport.parkNanos(PAUSE_NANOS);
        }
        try {
            socket.send(buffer, 0, length, fds);
        } finally {
            taken.set(false);
        }
    }

    /**
     * For the others.
     *
     * @param deadline by {@link System#nanoTime()}
     * @throws ErrnoException EIO: the turn did not come in time, or the client is gone, or it is now: it took part of the message, and nobody knows how much
     */
    void command(MemorySegment message, long deadline) throws ErrnoException {
        while (!taken.compareAndSet(false, true)) {
            if (System.nanoTime() - deadline > 0) {
                throw new ErrnoException(Errno.EIO, "the client takes no messages");
            }
            LockSupport.parkNanos(PAUSE_NANOS);
        }
        try {
            socket.send(message, 0, message.byteSize());
        } catch (LinuxException e) {
            socket.shutdown();
            throw new ErrnoException(Errno.EIO, "the client takes no messages: " + e.getMessage());
        } finally {
            taken.set(false);
        }
    }
}
