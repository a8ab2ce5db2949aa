package vfio.mdev;

import static org.junit.jupiter.api.Assertions.fail;

import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;

/** Waits for a condition, with a deadline that even a busy machine meets easily. */
public final class Await {
    private Await() {}

    public static void until(String what, BooleanSupplier condition) {
        long deadline = System.nanoTime() + TestPlatform.PATIENCE.toNanos();
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() - deadline > 0) {
                fail("not in time: " + what);
            }
            LockSupport.parkNanos(100_000);
        }
    }

    /** Waits until the thread itself is waiting. */
    public static void blocked(Thread thread) {
        until(thread.getName() + " blocked", () -> switch (thread.getState()) {
            case WAITING, TIMED_WAITING, BLOCKED -> true;
            default -> false;
        });
    }
}
