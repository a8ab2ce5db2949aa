package vfio.mdev.usage;

import java.util.ArrayList;
import java.util.List;
import mdev.sync.Deadline;
import org.jspecify.annotations.Nullable;

/**
 * Tracks the calls of one registered notifier: accepts calls until the notifier ends, then waits for running ones
 * ({@code rwsem} of a blocking notifier chain).
 */
public final class NotifierCalls {
    /** The thread of each running call. The monitor guards both fields and is not held during a call. */
    private final List<Thread> inside = new ArrayList<>();

    private boolean ended;

    /** Pairs with {@link #leave}; false after {@link #end}: the notifier must not be called. */
    public synchronized boolean enter() {
        if (!ended) {
            inside.add(Thread.currentThread());
        }
        return !ended;
    }

    public synchronized void leave() {
        inside.remove(Thread.currentThread());
        notifyAll();
    }

    public synchronized boolean isEnded() {
        return ended;
    }

    /** Rejects further calls. */
    public synchronized void end() {
        ended = true;
    }

    /**
     * Waits for all running calls except the current thread's own.
     *
     * @return a thread whose call is still running at the deadline; null if there is none
     */
    public synchronized @Nullable Thread await(Deadline deadline) {
        Thread self = Thread.currentThread();
        while (true) {
            Thread other = inside.stream()
                    .filter(thread -> !thread.equals(self))
                    .findFirst()
                    .orElse(null);
            if (other == null || !deadline.waitOn(this)) {
                return other;
            }
        }
    }
}
