package vfio.mdev.usage;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * Counts the users of a thing, and runs its end exactly once, when it is closed and the last user has left. Entering and leaving
 * cost one atomic addition each; nobody ever waits.
 *
 * <p>The state is one word: the low half counts the users, the high half refuses. An entry counts itself first and looks then;
 * one that is refused takes itself back, so the count may pass zero more than once after the closing, and a thread that sees
 * zero has yet to claim the end.
 */
public final class UseCount {
    private static final long CLOSING = 1L << 63;
    /** The end is claimed. */
    private static final long ENDED = 1L << 61;

    private static final long INSIDE = 0xffff_ffffL;

    private static final VarHandle STATE;

    static {
        try {
            STATE = MethodHandles.lookup().findVarHandle(UseCount.class, "state", long.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private final Runnable end;

    @SuppressWarnings("unused") // STATE
    private volatile long state;

    /** @param end runs once, on the thread that reached zero; must not throw */
    public UseCount(Runnable end) {
        this.end = end;
    }

    /**
     * Enters; pairs with {@link #leave}.
     *
     * @return false when it is closing: not entered, nothing to leave
     */
    public boolean enter() {
        if (((long) STATE.getAndAdd(this, 1L) & ~INSIDE) == 0) {
            return true;
        }
        leave();
        return false;
    }

    /** Leaves; pairs with {@link #enter}. */
    public void leave() {
        if ((long) STATE.getAndAdd(this, -1L) - 1 == CLOSING) {
            claim();
        }
    }

    /** Refuses all further entries; the end runs here if nobody is inside. Idempotent. */
    public void close() {
        if ((long) STATE.getAndBitwiseOr(this, CLOSING) == 0) {
            claim();
        }
    }

    private void claim() {
        if (STATE.compareAndSet(this, CLOSING, CLOSING | ENDED)) {
            end.run();
        }
    }
}
