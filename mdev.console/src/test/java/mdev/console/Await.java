package mdev.console;

import static org.junit.jupiter.api.Assertions.fail;

import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;

/** Waits for conditions, never for a fixed time. */
public final class Await {
    private static final Duration DEADLINE = Duration.ofSeconds(60);

    private Await() {}

    public static void until(String what, BooleanSupplier condition) {
        long deadline = System.nanoTime() + DEADLINE.toNanos();
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() > deadline) {
                fail("still not: " + what);
            }
            Thread.onSpinWait();
        }
    }

    public static void until(String what, CountDownLatch latch) throws InterruptedException {
        if (!latch.await(DEADLINE.toSeconds(), TimeUnit.SECONDS)) {
            fail("still not: " + what);
        }
    }
}
