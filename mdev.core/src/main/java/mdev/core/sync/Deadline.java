package mdev.core.sync;

import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** The moment until which somebody waits; one for everything that has to be done by then. */
public final class Deadline {
    /** Waits as long as it takes. */
    public static final Deadline NEVER = new Deadline(null);

    private final @Nullable Long nanos;

    private Deadline(@Nullable Long nanos) {
        this.nanos = nanos;
    }

    public static Deadline in(Duration time) {
        return new Deadline(System.nanoTime() + time.toNanos());
    }

    /** What is left, zero or less when it has passed. */
    public long remainingNanos() {
        return nanos == null ? Long.MAX_VALUE : nanos - System.nanoTime();
    }

    /** Waits for the latch; false when the deadline passed first. */
    public boolean await(CountDownLatch latch) throws InterruptedException {
        return latch.await(remainingNanos(), TimeUnit.NANOSECONDS);
    }

    /** As {@link #await}; an interrupt is kept for the caller and does not end the wait. */
    public boolean awaitUninterruptibly(CountDownLatch latch) {
        boolean interrupted = false;
        try {
            while (true) {
                try {
                    return await(latch);
                } catch (InterruptedException e) {
                    interrupted = true;
                }
            }
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    /** One {@code wait()} on a monitor that the caller holds; false when the deadline has passed. An interrupt is kept and does not end it. */
    public boolean waitOn(Object monitor) {
        boolean interrupted = false;
        try {
            while (true) {
                long left = remainingNanos();
                if (left <= 0) {
                    return false;
                }
                try {
                    TimeUnit.NANOSECONDS.timedWait(monitor, Math.max(left, 1_000_000));
                    return true;
                } catch (InterruptedException e) {
                    interrupted = true;
                }
            }
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }
}
