package itests.vm;

import java.time.Duration;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;

/** The time at which a wait fails. */
record Deadline(long nanoTime) {
    static Deadline in(Duration time) {
        return new Deadline(System.nanoTime() + time.toNanos());
    }

    boolean isOver() {
        return nanoTime - System.nanoTime() <= 0;
    }

    /** The remaining milliseconds, at least 1: many waits interpret 0 as "forever". */
    long millis() {
        return Math.max(1, (nanoTime - System.nanoTime()) / 1_000_000);
    }

    /**
     * Polls for a condition without a notification, such as a change below {@code /proc}.
     *
     * @throws AssertionError on timeout
     */
    static void await(Duration time, String what, BooleanSupplier condition) {
        var deadline = in(time);
        while (!condition.getAsBoolean()) {
            if (deadline.isOver()) {
                throw new AssertionError("not within " + time.toMillis() + " ms: " + what);
            }
            LockSupport.parkNanos(5_000_000);
        }
    }
}
