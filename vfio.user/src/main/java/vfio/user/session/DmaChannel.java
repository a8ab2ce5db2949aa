package vfio.user.session;

import mdev.api.errno.ErrnoException;
import vfio.user.wire.DmaMessage;

/** How a DMA_READ or DMA_WRITE reaches the client and its answer comes back. Any thread. */
sealed interface DmaChannel extends AutoCloseable permits ConnectionChannel, TwinChannel {
    /**
     * Sends one command and waits for its answer.
     *
     * @param deadline by {@link System#nanoTime()}
     * @throws ErrnoException EDEADLK: the calling thread is the one that would receive the answer; EIO: none came in time, or the client is gone; EPROTO: one that does not
     *     fit; else the client's errno
     */
    void exchange(DmaMessage command, long deadline) throws ErrnoException;

    /** The client is gone: whoever waits gets EIO, as does whoever comes. */
    @Override
    void close();
}
