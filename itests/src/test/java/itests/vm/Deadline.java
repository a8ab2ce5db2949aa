package itests.vm;

import java.time.Duration;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;

/** The moment at which waiting becomes a failure. */
record Deadline(long nanoTime) {
    static Deadline in(Duration time) {
        return new Deadline(System.nanoTime() + time.toNanos());
    }

    boolean isOver() {
        return nanoTime - System.nanoTime() <= 0;
    }

    /** Milliseconds left, at least 1: many a wait takes 0 for "forever". */
    long millis() {
        return Math.max(1, (nanoTime - System.nanoTime()) / 1_000_000);
    }

    /**
     * Waits for what no one announces, such as a change below {@code /proc}.
     *
     * @throws AssertionError if it does not come in time
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
