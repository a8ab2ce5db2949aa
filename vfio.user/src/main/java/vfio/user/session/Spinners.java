package vfio.user.session;

import java.util.concurrent.atomic.AtomicInteger;

/**
 * The connections of this process that poll for their next message. A connection polls only while its processor would
 * be idle otherwise: at most half of the processors poll, since each poller's client needs one as well, and every
 * poller blocks as soon as another connection has something to do. Thread-safe.
 */
public final class Spinners {
    private final int most;

    /** At most {@link #most} of them, when they begin. */
    private final AtomicInteger spinning = new AtomicInteger();

    /** Counts the messages for which a connection was woken. */
    private final AtomicInteger wakes = new AtomicInteger();

    /** @param processors the number of processors that this process can use */
    public Spinners(int processors) {
        this.most = processors / 2;
    }

    /** Whether a connection may poll now; pairs with {@link #end}. */
    boolean begin() {
        if (spinning.incrementAndGet() <= most) {
            return true;
        }
        spinning.decrementAndGet();
        return false;
    }

    void end() {
        spinning.decrementAndGet();
    }

    /** A connection was blocked, and has received a message. */
    void woken() {
        wakes.incrementAndGet();
    }

    /** Changes when a poller should block. */
    int wakes() {
        return wakes.get();
    }
}
