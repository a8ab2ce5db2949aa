package mdev.linux;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.Thread.State;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** Waiting for what other threads do, always with a deadline. */
final class Threads {
    /** For what must merely happen, on any machine. */
    static final Duration PATIENCE = Duration.ofMinutes(2);

    /**
     * Any but futex(2), where a thread also sleeps that waits for the JVM: for a class that is being loaded, or at a
     * safepoint.
     */
    private static final Pattern IN_A_CALL =
            Pattern.compile("(?!" + (Arch.CURRENT == Arch.X86_64 ? "202" : "98") + " )\\d");

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

    /** Waits until the thread is in a system call that does not come back. */
    static void awaitAsleep(String name) throws Exception {
        await(name + " sleeps", () -> isAsleep(name));
    }

    private static boolean isAsleep(String name) throws IOException {
        List<Path> tasks;
        try (Stream<Path> list = Files.list(Path.of("/proc/self/task"))) {
            tasks = list.toList();
        }
        return tasks.stream()
                .anyMatch(task -> read(task, "stat").contains("(" + name + ") S ")
                        && IN_A_CALL.matcher(read(task, "syscall")).lookingAt());
    }

    /** As Java sees it. */
    static boolean isIn(String name, State state) {
        return Thread.getAllStackTraces().keySet().stream()
                .anyMatch(thread -> thread.getName().equals(name) && thread.getState() == state);
    }

    private static String read(Path task, String file) {
        try {
            return Files.readString(task.resolve(file));
        } catch (IOException gone) {
            return "";
        }
    }
}
