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

    /** Why a command fails during {@link #suspend}. */
    String SUSPENDED = "the client's memory is being unmapped, or its device reset";

    /**
     * Called by the connection's thread around an operation that waits for DMA in a range: exchanges of other threads
     * fail with EIO, because the answers of the client may never come.
     */
    void suspend(AddressRange range);

    void resume();

    /** Called when the client has disconnected: pending and new exchanges fail with EIO. */
    @Override
    void close();
}
