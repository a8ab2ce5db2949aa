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
 * The memory that the calls on one descriptor use, and thereby the proof that none of them is running: a downcall holds
 * the arena of every segment it is passed (the one for errno too), and a held arena refuses to close. An owner closes
 * this first and its descriptor after it; so no call that is late can reach whatever got the descriptor's number next.
 */
final class CallArena implements SegmentAllocator {
    private static final Logger LOG = LoggerFactory.getLogger(CallArena.class);

    /** For a call that is inside. */
    private static final Duration GRACE = Duration.ofSeconds(2);

    /** How long to let a call that is inside run on before looking again. */
    private static final Duration RETRY = Duration.ofNanos(5_000);

    private static final Duration LATE_RETRY = Duration.ofMillis(100);
    /** Of the process: after the deadline nobody waits any more. */
    private static final Duration LIFETIME = Duration.ofDays(36_500);

    private final Arena arena = Arena.ofShared();
    private final AtomicBoolean closing = new AtomicBoolean();

    @Override
    public MemorySegment allocate(long bytes, long alignment) {
        return arena.allocate(bytes, alignment);
    }

    boolean isClosing() {
        return closing.get();
    }

    /** Turns new callers away, so that they cannot keep {@link #close} waiting. True for the one that shall close. */
    boolean beginClose() {
        return closing.compareAndSet(false, true);
    }

    /**
     * Waits until no call is inside: the owner makes those that block return first. Called once, after
     * {@link #beginClose}.
     */
    void close(String what, Runnable then) {
        close(arena, what, then, GRACE);
    }

    /** As {@link #close(Arena, String, Runnable, Duration)}. */
    static void close(Arena arena, String what, Runnable then) {
        close(arena, what, then, GRACE);
    }

    /**
     * Closes a shared arena as soon as no system call uses its memory.
     *
     * @param what names it in the log
     * @param then runs after that; before this returns, unless a system call outlasts the grace period
     */
    static void close(Arena arena, String what, Runnable then, Duration grace) {
        if (Deadline.in(grace).poll(RETRY, () -> tryClose(arena))) {
            then.run();
            return;
        }
        LOG.warn("{} stays open until a system call on it returns", what);
        Runnable later = () -> {
            if (Deadline.in(LIFETIME).poll(LATE_RETRY, () -> tryClose(arena))) {
                then.run();
            }
        };
        if (new BoundedCalls("mdev-linux-left-behind").tryStart("closing " + what, later) == null) {
            LOG.warn("{} stays open: no thread can be started to close it", what);
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
