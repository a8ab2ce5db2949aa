package mdev.linux;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicBoolean;
import mdev.sync.BoundedCalls;
import mdev.sync.Deadline;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The memory used by the system calls on one descriptor; closing it proves that none of them is running: a downcall
 * holds the arena of every segment it is passed (including the errno segment), and a held arena refuses to close. An
 * owner closes this arena before its descriptor, so a late call cannot reach the next file with the same number.
 */
public final class CallArena implements SegmentAllocator {
    private static final Logger LOG = LoggerFactory.getLogger(CallArena.class);

    /** Grace period for a running call. */
    private static final Duration GRACE = Duration.ofSeconds(2);

    /** Interval between attempts to close the arena while a call is running. */
    private static final Duration RETRY = Duration.ofNanos(5_000);

    private static final Duration LATE_RETRY = Duration.ofMillis(100);
    /** Longer than the process lives: after the grace period no caller waits for the close. */
    private static final Duration LIFETIME = Duration.ofDays(36_500);

    private final Arena arena = Arena.ofShared();
    private final AtomicBoolean closing = new AtomicBoolean();

    CallArena() {}

    @Override
    public MemorySegment allocate(long bytes, long alignment) {
        return arena.allocate(bytes, alignment);
    }

    boolean isClosing() {
        return closing.get();
    }

    /** Whether a call failed because its owner is being closed, and not because of the caller's memory. */
    boolean isLate(Throwable t) {
        return t instanceof IllegalStateException && isClosing();
    }

    /** Rejects new calls, so that they cannot delay {@link #close}. True for the one caller that must close. */
    boolean beginClose() {
        return closing.compareAndSet(false, true);
    }

    /**
     * Waits until no call is running; the owner first unblocks the calls that wait. Called once, after {@link
     * #beginClose}.
     */
    void close(String what, Runnable then) {
        close(arena, what, then);
    }

    /** As {@link #close(Arena, String, Runnable, Duration)}. */
    static void close(Arena arena, String what, Runnable then) {
        close(arena, what, then, GRACE);
    }

    /**
     * Closes a shared arena once no system call uses its memory.
     *
     * @param what the name of the resource in the log
     * @param then runs after the close; before this method returns, unless a system call exceeds the grace period
     */
    public static void close(Arena arena, String what, Runnable then, Duration grace) {
        if (Deadline.in(grace).poll(RETRY, () -> tryClose(arena))) {
            then.run();
            return;
        }
        LOG.warn("{} cannot be closed until a pending system call returns", what);
        Runnable later = () -> {
            if (Deadline.in(LIFETIME).poll(LATE_RETRY, () -> tryClose(arena))) {
                then.run();
            }
        };
        if (BoundedCalls.tryStartAlone("closing " + what, later) == null) {
            LOG.warn("{} remains open: no thread could be started to close it", what);
        }
    }

    private static boolean tryClose(Arena arena) {
        try {
            arena.close();
            return true;
        } catch (IllegalStateException held) {
            if (!arena.scope().isAlive()) {
                throw held;
            }
            return false;
        }
    }
}
