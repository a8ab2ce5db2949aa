package vfio.user.session;

import mdev.api.errno.ErrnoException;
import mdev.sync.Deadline;
import vfio.user.wire.DmaMessage;

/** Sends DMA_READ and DMA_WRITE to the client and receives the answers. Thread-safe. */
sealed interface DmaChannel extends AutoCloseable permits ConnectionChannel, TwinChannel {
    /**
     * Sends one command and waits for its answer.
     *
     * @throws ErrnoException EDEADLK: the calling thread itself receives the answers; EIO: timeout, or the client has
     *     disconnected; EPROTO: the answer does not match; otherwise the client's errno
     */
    void exchange(DmaMessage command, Deadline deadline) throws ErrnoException;

    /** Called when the client has disconnected: pending and new exchanges fail with EIO. */
    @Override
    void close();
}
