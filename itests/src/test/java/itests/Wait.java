package itests;

import java.time.Duration;
import java.util.concurrent.Callable;
import java.util.concurrent.locks.LockSupport;

/** Polls for a condition without a notification. */
final class Wait {
    private static final Duration PAUSE = Duration.ofMillis(10);

    private Wait() {}

    /** Returns when the condition holds; on timeout, fails with its name. */
    static void until(String condition, Callable<Boolean> holds) throws Exception {
        long end = System.nanoTime() + Patience.TIME.toNanos();
        while (!holds.call()) {
            if (System.nanoTime() > end) {
                throw new AssertionError("waited in vain until " + condition);
            }
            LockSupport.parkNanos(PAUSE.toNanos());
        }
    }
}
