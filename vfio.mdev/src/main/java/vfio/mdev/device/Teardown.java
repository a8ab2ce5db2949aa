package vfio.mdev.device;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** The time that a removal has, and steps that may hang because foreign code runs in them: they go on alone when the time is over. */
public final class Teardown {
    private final long deadline;

    private Teardown(long deadline) {
        this.deadline = deadline;
    }

    public static Teardown within(Duration patience) {
        return new Teardown(System.nanoTime() + patience.toNanos());
    }

    /** What is left; zero or less when the time is over. */
    long nanosLeft() {
        return deadline - System.nanoTime();
    }

    /**
     * Runs a step on a thread of its own.
     *
     * @return done when the step is
     */
    public static CompletionStage<Void> start(String name, Runnable step) {
        CompletableFuture<Void> done = new CompletableFuture<>();
        Thread.ofPlatform().daemon().name(name).start(() -> {
            try {
                step.run();
                done.complete(null);
            } catch (Throwable t) {
                done.completeExceptionally(t);
                throw t;
            }
        });
        return done;
    }

    /**
     * Waits for a step until the time is over or the thread is interrupted.
     *
     * @return whether it is done
     */
    public boolean await(CompletionStage<Void> step) {
        try {
            step.toCompletableFuture().get(Math.max(0, nanosLeft()), TimeUnit.NANOSECONDS);
            return true;
        } catch (TimeoutException | ExecutionException e) {
            return false;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }
}
