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

/** Waits for other threads, always with a deadline. */
final class Threads {
    /** Deadline for events that must happen eventually, on any machine. */
    static final Duration PATIENCE = Duration.ofMinutes(2);

    /**
     * Any system call except futex(2), in which a thread also sleeps while it waits for the JVM: for class loading, or
     * at a safepoint.
     */
    private static final Pattern IN_A_CALL =
            Pattern.compile("(?!" + (Arch.CURRENT.equals(Arch.X86_64) ? "202" : "98") + " )\\d");

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

    /** Starts a thread with a name of at most 15 characters, which is also its name in the kernel. */
    static <T> FutureTask<T> start(String name, Callable<T> body) {
        FutureTask<T> task = new FutureTask<>(body);
        Thread thread = new Thread(task, name);
        thread.setDaemon(true);
        thread.start();
        return task;
    }

    /** The result of a task. */
    static <T> T get(FutureTask<T> task) throws Exception {
        return task.get(PATIENCE.toNanos(), TimeUnit.NANOSECONDS);
    }

    /** Waits until the thread is blocked in a system call. */
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

    /** Waits for the Java thread state. */
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
