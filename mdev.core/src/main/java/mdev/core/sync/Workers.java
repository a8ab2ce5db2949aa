package mdev.core.sync;

import java.util.Collection;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The threads that call into bundles when the caller must not wait for ever: he waits for the latch until his deadline, the call goes on
 * here. Threads that idle for a second end, so that nothing a bundle left on them (thread locals) keeps its classes alive.
 */
public final class Workers implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(Workers.class);

    /** How many calls of one batch run at once: whoever hangs holds its own batch back, nobody else's. */
    private static final int LANES = 64;

    private final ExecutorService threads;

    public Workers() {
        var factory = Thread.ofPlatform().daemon().name("mdev-worker-", 0).inheritInheritableThreadLocals(false);
        ClassLoader own = Workers.class.getClassLoader();
        ThreadFactory makes = task -> {
            Thread thread = factory.unstarted(task);
            // Else it would be the class loader of whoever asked first.
            thread.setContextClassLoader(own);
            return thread;
        };
        // After close() whoever comes late does it himself.
        threads = new ThreadPoolExecutor(
                0, Integer.MAX_VALUE, 1, TimeUnit.SECONDS, new SynchronousQueue<>(), makes, (task, _) -> task.run());
    }

    /**
     * Runs the action for every item, in parallel.
     *
     * @param batch whose item it is: items of one batch may have to wait for each other, those of two never
     * @return counts down to zero as the items get through
     */
    public <T> CountDownLatch each(Collection<T> items, Function<? super T, ?> batch, Consumer<? super T> action) {
        CountDownLatch left = new CountDownLatch(items.size());
        items.stream().collect(Collectors.groupingBy(batch)).values().forEach(some -> run(some, action, left));
        return left;
    }

    private <T> void run(List<T> batch, Consumer<? super T> action, CountDownLatch left) {
        Queue<T> waiting = new ConcurrentLinkedQueue<>(batch);
        Runnable lane = () -> {
            for (T item = waiting.poll(); item != null; item = waiting.poll()) {
                try {
                    action.accept(item);
                } catch (RuntimeException e) {
                    log.error("{} failed", item, e);
                } finally {
                    left.countDown();
                }
            }
        };
        for (int i = 0; i < Math.min(batch.size(), LANES); i++) {
            threads.execute(lane);
        }
    }

    /** Runs the action on a thread of its own. */
    public <T> CountDownLatch one(T item, Consumer<? super T> action) {
        return each(List.of(item), Function.identity(), action);
    }

    /** What still runs is interrupted: it could not be waited for. */
    @Override
    public void close() {
        threads.shutdownNow();
    }
}
