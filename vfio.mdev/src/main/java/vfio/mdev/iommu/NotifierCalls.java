package vfio.mdev.iommu;

import java.util.ArrayList;
import java.util.List;
import mdev.sync.Deadline;
import org.jspecify.annotations.Nullable;

/**
 * The calls of one registered notifier: let in until it ends, which waits for those that run ({@code rwsem} of a
 * blocking notifier chain).
 */
final class NotifierCalls {
    /** A thread per call; the monitor guards both fields and is not held in a call. */
    private final List<Thread> inside = new ArrayList<>();

    private boolean ended;

    /** Pairs with {@link #leave}; false after {@link #end}: the vendor is not to be called. */
    synchronized boolean enter() {
        if (!ended) {
            inside.add(Thread.currentThread());
        }
        return !ended;
    }

    synchronized void leave() {
        inside.remove(Thread.currentThread());
        notifyAll();
    }

    /** Lets no further call in. */
    synchronized void end() {
        ended = true;
    }

    /**
     * Waits until no call runs but the one that this thread is in.
     *
     * @return a thread that is still inside when the deadline has passed; null when there is none
     */
    synchronized @Nullable Thread await(Deadline deadline) {
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
