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
     * By the connection's thread, around what waits for DMA in a range to end: nobody waits for the client's answers
     * there, which may never come.
     */
    void suspend(AddressRange range);

    void resume();

    /** The client is gone: whoever waits gets EIO, as does whoever comes. */
    @Override
    void close();
}
