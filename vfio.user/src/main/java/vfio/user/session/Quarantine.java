package vfio.user.session;

import java.util.List;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import mdev.linux.Fd;

/**
 * Closes the files of clients that a process or another machine serves. close(2) waits uninterruptibly for that
 * server, which may be the client itself and may never answer (FUSE_FLUSH). It is therefore called on a limited number
 * of separate threads; further files stay open and count as descriptors of clients. Thread-safe.
 */
public final class Quarantine implements AutoCloseable {
    private static final int THREADS = 16;

    private final ThreadPoolExecutor closers = new ThreadPoolExecutor(
            THREADS,
            THREADS,
            1,
            TimeUnit.SECONDS,
            new LinkedBlockingQueue<>(),
            Thread.ofPlatform()
                    .daemon()
                    .name("vfio-user-close-", 0)
                    .inheritInheritableThreadLocals(false)
                    .factory());

    public Quarantine() {
        closers.allowCoreThreadTimeOut(true);
    }

    void close(List<Fd> files) {
        for (Fd file : files) {
            try {
                closers.execute(file::close);
            } catch (RejectedExecutionException e) {
                return; // the exit of the process closes it
            }
        }
    }

    /** Does not wait; the remaining files are closed as their servers answer. */
    @Override
    public void close() {
        closers.shutdown();
    }
}
