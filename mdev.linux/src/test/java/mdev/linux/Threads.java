package mdev.linux;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;

/** Waiting for what other threads do, always with a deadline. */
final class Threads {
    /** For what must merely happen, on any machine. */
    static final Duration PATIENCE = Duration.ofMinutes(2);

    private Threads() {}

    @FunctionalInterface
    interface Condition {
        boolean holds() throws Exception;
    }

    static void await(String what, Condition condition) throws Exception {
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        while (!condition.holds()) {
            assertTrue(System.nanoTime() < deadline, what);
            LockSupport.parkNanos(20_000);
        }
    }

    /** Starts a thread with a name of at most 15 characters, by which the kernel knows it too. */
    static <T> FutureTask<T> start(String name, Callable<T> body) {
        FutureTask<T> task = new FutureTask<>(body);
        Thread thread = new Thread(task, name);
        thread.setDaemon(true);
        thread.start();
        return task;
    }

    /** What a task came to. */
    static <T> T get(FutureTask<T> task) throws Exception {
        return task.get(PATIENCE.toNanos(), TimeUnit.NANOSECONDS);
    }

    /** Waits until the thread sleeps in the kernel. */
    static void awaitAsleep(String name) throws Exception {
        await(name + " sleeps", () -> isAsleep(name));
    }

    private static boolean isAsleep(String name) throws IOException {
        List<Path> tasks;
        try (Stream<Path> list = Files.list(Path.of("/proc/self/task"))) {
            tasks = list.toList();
        }
        return tasks.stream().anyMatch(task -> stat(task).contains("(" + name + ") S "));
    }

    private static String stat(Path task) {
        try {
            return Files.readString(task.resolve("stat"));
        } catch (IOException gone) {
            return "";
        }
    }
}
