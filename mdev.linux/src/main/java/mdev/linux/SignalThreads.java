package mdev.linux;

import java.util.concurrent.Semaphore;

/** For kernels without AIO, containers that forbid it, or when {@code /proc/sys/fs/aio-max-nr} is reached. */
public final class SignalThreads implements PeerSignals {
    /** A thread whose client keeps its counter full, and never leaves, counts, too. */
    static final int MAX = 1024;

    private final Semaphore left = new Semaphore(MAX);

    @Override
    public Signaller begin(String client) {
        return new SignalThread(client, left);
    }

    /** How many threads more there can be. */
    int left() {
        return left.availablePermits();
    }

    @Override
    public void close() {
        // Each thread ends with its client.
    }
}
