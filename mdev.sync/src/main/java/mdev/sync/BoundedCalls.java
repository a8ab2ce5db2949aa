package mdev.sync;

import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Objects;
import java.util.Queue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Runs calls of foreign code for which the caller waits only until a deadline: each call runs on a separate thread and
 * continues there when the deadline passes. Uses platform threads, because foreign code may block in a system call. A
 * thread exits after a second without work, so that thread locals of foreign code do not keep its classes alive.
 *
 * <p>Under a limit of processes or memory no thread may be left to start. The calls that must not fail then
 * ({@link #start}) wait for the reserve thread, which runs them one after another, or for the next thread that can be
 * started: foreign code never runs on a caller's thread, where no deadline would bound it. Thread-safe.
 */
public final class BoundedCalls implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(BoundedCalls.class);

    /** The number of concurrent calls of one batch. A hung call delays only its own batch. */
    private static final int LANES = 64;

    private static final Duration IDLE = Duration.ofSeconds(1);

    private final ThreadFactory factory;
    private final ExecutorService threads;
    private final LimitedLog exhaustion = new LimitedLog();

    /** The calls for which no thread could be started. */
    private final BlockingQueue<Call> waiting = new LinkedBlockingQueue<>();

    /** Waits for calls in {@link #waiting}; null until it is started. The monitor guards its start. */
    private volatile @Nullable Thread reserve;

    private volatile boolean closed;

    /** @param name the prefix of the names of threads that have made no call */
    public BoundedCalls(String name) {
        this(threads(name));
    }

    /** @param factory creates the threads; if it throws, no thread can be started */
    public BoundedCalls(ThreadFactory factory) {
        this.factory = factory;
        threads = new ThreadPoolExecutor(
                0, Integer.MAX_VALUE, IDLE.toNanos(), TimeUnit.NANOSECONDS, new SynchronousQueue<>(), factory);
    }

    /** Threads that inherit nothing also get the system class loader, not that of the first calling thread. */
    private static ThreadFactory threads(String name) {
        return Thread.ofPlatform()
                .daemon()
                .name(name + "-", 0)
                .inheritInheritableThreadLocals(false)
                .factory();
    }

    /** Starts the reserve thread now, not with the first {@link #start}; ended by {@link #close}. */
    public BoundedCalls withReserve() {
        startReserve(null);
        return this;
    }

    /** @param replaced the current reserve thread */
    private synchronized boolean startReserve(@Nullable Thread replaced) {
        if (closed || !Objects.equals(reserve, replaced)) {
            return true;
        }
        try {
            Thread thread = factory.newThread(this::serve);
            thread.setName("reserve " + thread.getName());
            reserve = thread;
            thread.start();
            return true;
        } catch (OutOfMemoryError e) {
            reserve = replaced;
            return false;
        }
    }

    private void serve() {
        Thread self = Thread.currentThread();
        while (!closed) {
            try {
                waiting.take().run();
                if (startReserve(self)) {
                    return; // its thread locals may hold classes of foreign code
                }
            } catch (InterruptedException e) {
                LOG.debug("closed, or interrupted by the last call", e);
            }
        }
    }

    /** A started call. */
    public static final class Call {
        private final String name;
        private final Runnable task;
        private final CountDownLatch done = new CountDownLatch(1);
        private volatile boolean begun;
        private volatile @Nullable Thread thread;

        private Call(String name, Runnable task) {
            this.name = name;
            this.task = task;
        }

        private void run() {
            Thread self = Thread.currentThread();
            thread = self;
            begun = true;
            try {
                self.setName(name); // not reset, because that costs as much as the rest of a short call
                task.run();
            } catch (RuntimeException | Error e) {
                LOG.error("{} failed", name, e);
            } finally {
                thread = null;
                done.countDown();
            }
        }

        /** Whether a thread has begun the call. */
        public boolean hasBegun() {
            return begun;
        }

        /** Whether the call has returned or thrown. */
        public boolean isDone() {
            return done.getCount() == 0;
        }

        /** Waits until the call has ended; returns false if the deadline passes first. */
        public boolean await(Deadline deadline) throws InterruptedException {
            return deadline.await(done);
        }

        /** As {@link #await}; an interrupt does not end the wait and stays pending for the caller. */
        public boolean awaitUninterruptibly(Deadline deadline) {
            return deadline.awaitUninterruptibly(done);
        }

        /** The call's current stack, as the cause of a log line; null if the call has ended or not begun. */
        public @Nullable Throwable stack() {
            Thread running = thread;
            return running == null ? null : stackOf(running);
        }
    }

    /** The stack of a thread, as the cause of a log line. */
    public static Throwable stackOf(Thread thread) {
        Throwable stack = new Throwable("stack of thread " + thread.getName());
        stack.setStackTrace(thread.getStackTrace());
        return stack;
    }

    /**
     * Starts a call. If no thread can be started, the call begins when the reserve thread, or a thread started later,
     * is free for it.
     *
     * @param name the thread's name while the call runs, for thread dumps and logs
     */
    public Call start(String name, Runnable task) {
        Call call = new Call(name, task);
        if (reserve == null) {
            startReserve(null);
        }
        if (execute(call)) {
            return call;
        }
        if (Thread.currentThread().equals(reserve)) {
            call.run(); // a part of the call that the reserve thread runs, and bounded as that is
        } else if (!closed) {
            exhaustion.log(more -> LOG.warn("{} waits for a thread: none can be started{}", name, more));
            waiting.add(call);
        } else if (!run(factory, call)) {
            LOG.error("{} is not run: no thread can be started", name);
        }
        return call;
    }

    /** As {@link #start}, but if no thread can be started, returns null without running the call. */
    public @Nullable Call tryStart(String name, Runnable task) {
        Call call = new Call(name, task);
        return execute(call) ? call : null;
    }

    /** As {@link #tryStart}, for a call that has no pool. */
    public static @Nullable Call tryStartAlone(String name, Runnable task) {
        Call call = new Call(name, task);
        return run(threads(name), call) ? call : null;
    }

    private boolean execute(Call call) {
        try {
            threads.execute(() -> {
                for (Call next = call; next != null; next = waiting.poll()) {
                    next.run();
                }
            });
            return true;
        } catch (RejectedExecutionException e) { // after close()
            return false;
        } catch (OutOfMemoryError e) { // "unable to create native thread": a process or memory limit
            LOG.debug("no thread for {}", call.name, e);
            return false;
        }
    }

    private static boolean run(ThreadFactory factory, Call call) {
        try {
            factory.newThread(call::run).start();
            return true;
        } catch (OutOfMemoryError e) {
            LOG.debug("no thread for {}", call.name, e);
            return false;
        }
    }

    /**
     * Runs the action for all items in parallel.
     *
     * @param name the threads' name while they run
     * @param batch groups the items: items of one batch may have to wait for each other, items of different batches
     *     never do
     * @return a latch that counts down to zero as the actions return
     */
    public <T> CountDownLatch each(
            String name, Collection<T> items, Function<? super T, ?> batch, Consumer<? super T> action) {
        CountDownLatch left = new CountDownLatch(items.size());
        items.stream().collect(Collectors.groupingBy(batch)).values().forEach(some -> run(name, some, action, left));
        return left;
    }

    private <T> void run(String name, List<T> batch, Consumer<? super T> action, CountDownLatch left) {
        Queue<T> waiting = new ConcurrentLinkedQueue<>(batch);
        Runnable lane = () -> {
            for (T item = waiting.poll(); item != null; item = waiting.poll()) {
                try {
                    action.accept(item);
                } catch (RuntimeException | Error e) {
                    LOG.error("{} of {} failed", name, item, e);
                } finally {
                    left.countDown();
                }
            }
        };
        for (int i = 0; i < Math.min(batch.size(), LANES); i++) {
            if (i == 0) {
                start(name, lane);
            } else if (tryStart(name, lane) == null) {
                return; // the running lanes process the remaining items
            }
        }
    }

    /**
     * Interrupts the calls that are still running. Later calls of {@link #start} run on a thread each; {@link
     * #tryStart} starts none.
     */
    @Override
    public void close() {
        Thread last;
        synchronized (this) {
            closed = true;
            last = reserve;
        }
        threads.shutdownNow();
        if (last != null) {
            last.interrupt();
        }
    }
}
