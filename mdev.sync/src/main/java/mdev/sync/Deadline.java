package mdev.sync;

import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;

/**
 * The time at which a wait times out. One deadline covers all work that must be done by then. An interrupt does not end
 * methods that do not throw {@link InterruptedException}; it stays pending for the caller. Thread-safe.
 */
public final class Deadline {
    /** Longer than any wait, but short enough that the difference of two times does not overflow. */
    private static final Duration LONGEST = Duration.ofDays(36_500);

    private final long nanos;

    private Deadline(long nanos) {
        this.nanos = nanos;
    }

    /** @param time the time from now; a negative time has already passed */
    public static Deadline in(Duration time) {
        return new Deadline(System.nanoTime() + (time.compareTo(LONGEST) < 0 ? time : LONGEST).toNanos());
    }

    /** Returns the earlier of this deadline and the given time from now. */
    public Deadline atMost(Duration time) {
        Deadline other = in(time);
        return other.nanos - nanos < 0 ? other : this;
    }

    /** The remaining time; zero or negative if the deadline has passed. */
    public long remainingNanos() {
        return nanos - System.nanoTime();
    }

    /** The remaining time; zero or negative if the deadline has passed. */
    public Duration remaining() {
        return Duration.ofNanos(remainingNanos());
    }

    /** The remaining time for poll(2): rounded up, so that the call does not return early; never negative. */
    public int remainingMillis() {
        return Math.clamp((remainingNanos() + 999_999) / 1_000_000, 0, Integer.MAX_VALUE);
    }

    /** Whether the deadline has passed. */
    public boolean hasPassed() {
        return remainingNanos() <= 0;
    }

    /** Waits for the latch; returns false if the deadline passes first. */
    public boolean await(CountDownLatch latch) throws InterruptedException {
        return latch.await(remainingNanos(), TimeUnit.NANOSECONDS);
    }

    /** As {@link #await}. */
    public boolean awaitUninterruptibly(CountDownLatch latch) {
        return uninterruptibly(() -> await(latch));
    }

    /** Waits until a thread has ended; returns false if the deadline passes first. */
    public boolean join(Thread thread) {
        return uninterruptibly(() -> thread.join(Duration.ofNanos(Math.max(0, remainingNanos()))));
    }

    /** Acquires the lock; returns false, without the lock, if the deadline passes first. */
    public boolean tryLock(Lock lock) {
        return uninterruptibly(() -> lock.tryLock(remainingNanos(), TimeUnit.NANOSECONDS));
    }

    /**
     * Performs one {@code wait()} on a monitor that the caller holds; it may end spuriously.
     *
     * @return false if the deadline has passed
     */
    public boolean waitOn(Object monitor) {
        return uninterruptibly(() -> waitInterruptibly(monitor));
    }

    /** As {@link #waitOn}, but an interrupt ends the wait. */
    public boolean waitInterruptibly(Object monitor) throws InterruptedException {
        long left = remainingNanos();
        if (left <= 0) {
            return false;
        }
        TimeUnit.NANOSECONDS.timedWait(monitor, Math.max(left, 1_000_000));
        return true;
    }

    /**
     * Waits for a condition without a signal by polling it.
     *
     * @param pause the time between two polls
     * @return the last value of the condition: false if the deadline passed first
     */
    public boolean poll(Duration pause, BooleanSupplier condition) {
        boolean interrupted = false;
        try {
            while (!condition.getAsBoolean()) {
                long left = remainingNanos();
                if (left <= 0) {
                    return false;
                }
                LockSupport.parkNanos(this, Math.min(left, pause.toNanos()));
                // A pending interrupt would end each further park immediately.
                interrupted |= Thread.interrupted();
            }
            return true;
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private interface Wait {
        boolean once() throws InterruptedException;
    }

    private static boolean uninterruptibly(Wait wait) {
        boolean interrupted = false;
        try {
            while (true) {
                try {
                    return wait.once();
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
