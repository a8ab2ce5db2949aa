package mdev.linux;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;

/**
 * The memory that the calls on one descriptor use, and thereby the proof that none of them is running: a downcall holds
 * the arena of every segment it is passed (the one for errno too), and a held arena refuses to close. An owner closes this
 * first and its descriptor after it; so no call that is late can reach whatever got the descriptor's number next.
 */
final class CallArena implements SegmentAllocator {
    /** How long to let a call that is inside run on before looking again. */
    private static final long HELD_NANOS = 5_000;

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

    /** Waits until no call is inside: the owner makes those that block return first. Called once, after {@link #beginClose}. */
    void close() {
        close(arena);
    }

    /** Closes a shared arena as soon as no system call uses its memory. */
    static void close(Arena arena) {
        for (; ; ) {
            try {
                arena.close();
                return;
            } catch (IllegalStateException held) {
                if (!arena.scope().isAlive()) {
                    throw held;
                }
                LockSupport.parkNanos(HELD_NANOS);
            }
        }
    }
}
