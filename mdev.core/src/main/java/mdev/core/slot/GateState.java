package mdev.core.slot;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.time.Duration;
import java.util.function.BooleanSupplier;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.sync.Deadline;
import org.jspecify.annotations.Nullable;

/**
 * The state of a {@link Gate}, and the waits for it.
 *
 * <p>One word holds the whole state. Its low bits count the calls inside; each flag above them sends an enter or a
 * leave to the slow path. An enter increments the count before it checks the flags; a rejected enter decrements it
 * again, so the count may reach zero more than once. The monitor guards only waiting, never the state.
 */
abstract class GateState {
    /** One region access inside; counted without a name. */
    static final long ACCESS = 1L;

    static final long ACCESSES = (1L << 24) - 1;

    /** One named call inside. */
    static final long CALL = 1L << 24;

    static final long INSIDE = (1L << 48) - 1;

    /** A user has the vendor's object open ({@link VendorSlot}). */
    static final long OCCUPIED = 1L << 56;

    /** The user has detached and the vendor's release is due ({@link VendorSlot}). */
    static final long VACATING = 1L << 57;

    /** A thread, or {@link #whenQuiet}, waits for a change: the last call to leave signals it. */
    static final long WATCHED = 1L << 58;

    static final long FROZEN = 1L << 59;

    /** No further named call is admitted. */
    static final long SHUT = 1L << 60;

    private static final Deadline NEVER = Deadline.in(Duration.ofDays(36_500));

    private static final VarHandle STATE;

    static {
        try {
            STATE = MethodHandles.lookup().findVarHandle(GateState.class, "state", long.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    @SuppressWarnings("unused") // STATE
    private volatile long state;

    /** The number of waiting threads; guarded by the monitor. */
    private int waiting;

    /** Guarded by the monitor; set at most once. */
    private @Nullable Runnable onQuiet;

    private volatile Deadline thawing = NEVER;

    /** Counts one enter; returns the previous state. */
    final long plus(long unit) {
        return (long) STATE.getAndAdd(this, unit);
    }

    /** Undoes one enter, on any thread. */
    void leave(long unit) {
        wake(minus(unit));
    }

    /** Undoes one enter; returns the new state. */
    final long minus(long unit) {
        return (long) STATE.getAndAdd(this, -unit) - unit;
    }

    /** Called when the count has decreased or a flag was cleared: wakes the waiting threads. */
    final void wake(long now) {
        if ((now & WATCHED) == 0) {
            return;
        }
        Runnable then = null;
        synchronized (this) {
            notifyAll();
            if (onQuiet != null && isQuiet()) {
                then = onQuiet;
                onQuiet = null;
            }
        }
        if (then != null) {
            then.run();
        }
    }

    final long state() {
        return state;
    }

    final boolean replace(long from, long to) {
        return STATE.weakCompareAndSet(this, from, to);
    }

    /** Sets flags; returns the previous state. */
    final long set(long flags) {
        return (long) STATE.getAndBitwiseOr(this, flags);
    }

    /** Clears flags; returns the new state. */
    final long clear(long flags) {
        return (long) STATE.getAndBitwiseAnd(this, ~flags) & ~flags;
    }

    /** Rejects further named calls. Idempotent. */
    public final void shut() {
        wake(set(SHUT));
    }

    public final boolean isShut() {
        return (state & SHUT) != 0;
    }

    /**
     * Makes callers wait in {@link Gate#enter(String)}; pairs with {@link #thaw}.
     *
     * @param until the deadline at which they fail
     * @return false if the gate is frozen already; it is not frozen again then
     */
    public final boolean freeze(Deadline until) {
        if ((set(FROZEN) & FROZEN) != 0) {
            return false;
        }
        thawing = until;
        return true;
    }

    /** Admits the waiting callers. */
    public void thaw() {
        thawing = NEVER;
        long now = clear(FROZEN);
        synchronized (this) {
            notifyAll();
        }
        wake(now);
    }

    final void awaitThaw() throws ErrnoException {
        synchronized (this) {
            while ((state & FROZEN) != 0) {
                if (!thawing.waitOn(this)) {
                    throw isUpdated();
                }
            }
        }
    }

    /** Whether no call is inside, and no user has the vendor's object open. */
    public final boolean isQuiet() {
        return (state & (INSIDE | OCCUPIED)) == 0;
    }

    /** Waits, after {@link #freeze}, until no call is inside; returns false if the deadline passes first. */
    public final boolean awaitEmpty(Deadline deadline) {
        return awaitUninterruptibly(deadline, () -> (state & INSIDE) == 0);
    }

    /** Waits until the gate is quiet; returns false if the deadline passes first. */
    public final boolean awaitQuiet(Deadline deadline) {
        return awaitUninterruptibly(deadline, this::isQuiet);
    }

    final boolean awaitUninterruptibly(Deadline deadline, BooleanSupplier condition) {
        try {
            return awaitState(deadline, false, condition);
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    /** Waits for a state that satisfies the condition; returns false if the deadline passes first. */
    final boolean awaitState(Deadline deadline, boolean interruptible, BooleanSupplier condition)
            throws InterruptedException {
        if (condition.getAsBoolean()) {
            return true;
        }
        synchronized (this) {
            waiting++;
            set(WATCHED);
            try {
                while (!condition.getAsBoolean()) {
                    boolean left = interruptible ? deadline.waitInterruptibly(this) : deadline.waitOn(this);
                    if (!left) {
                        return condition.getAsBoolean();
                    }
                }
                return true;
            } finally {
                if (--waiting == 0 && onQuiet == null) {
                    clear(WATCHED);
                }
            }
        }
    }

    /**
     * Runs the action once, as soon as the gate is quiet: on this thread, or on the last thread to leave. Called once
     * per gate, after {@link #shut}.
     */
    public final void whenQuiet(Runnable action) {
        synchronized (this) {
            onQuiet = action;
            set(WATCHED);
        }
        wake(WATCHED);
    }

    final ErrnoException isUpdated() {
        return new ErrnoException(Errno.EAGAIN, this + " is being updated");
    }
}
