package mdev.linux;

import java.util.concurrent.Semaphore;

/**
 * A thread per client: for kernels without AIO, containers that forbid it, or when {@code /proc/sys/fs/aio-max-nr} is
 * reached.
 */
public final class SignalThreads implements PeerSignals {
    /** The maximum number of threads, including those whose clients keep a counter full permanently. */
    static final int MAX = 1024;

    private final Semaphore left = new Semaphore(MAX);

    @Override
    public Signaller begin(String client) {
        return new SignalThread(client, left);
    }

    /** The number of threads that can still be started. */
    int left() {
        return left.availablePermits();
    }

    @Override
    public void close() {
        // Each thread ends with its client.
    }
}
