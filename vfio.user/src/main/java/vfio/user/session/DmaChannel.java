package vfio.user.session;

import mdev.api.errno.ErrnoException;
import mdev.sync.Deadline;
import vfio.user.wire.DmaMessage;

/** How a DMA_READ or DMA_WRITE reaches the client and its answer comes back. Any thread. */
sealed interface DmaChannel extends AutoCloseable permits ConnectionChannel, TwinChannel {
    /**
     * Sends one command and waits for its answer.
     *
     * @throws ErrnoException EDEADLK: the calling thread is the one that would receive the answer; EIO: none came in
     *     time, or the client is gone; EPROTO: one that does not fit; else the client's errno
     */
    void exchange(DmaMessage command, Deadline deadline) throws ErrnoException;

    /** The client is gone: whoever waits gets EIO, as does whoever comes. */
    @Override
    void close();
}
