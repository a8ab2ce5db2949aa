package vfio.mdev.usage;

import java.util.concurrent.atomic.AtomicLongFieldUpdater;

/**
 * Counts the users of an object and runs its end action exactly once, after it has been closed and the last user has
 * left. Entering and leaving cost one atomic addition each and never wait.
 *
 * <p>The state is one word: the low half counts the users, the high half rejects entries. An enter increments the count
 * before it checks; a rejected enter decrements it again, so the count may reach zero more than once after the close,
 * and a thread that sees zero must still claim the end.
 */
public final class UseCount {
    private static final long CLOSING = 1L << 63;
    /** The end is claimed. */
    private static final long ENDED = 1L << 61;

    private static final long INSIDE = 0xffff_ffffL;

    private static final AtomicLongFieldUpdater<UseCount> STATE =
            AtomicLongFieldUpdater.newUpdater(UseCount.class, "state");

    private final Runnable end;

    @SuppressWarnings("unused") // STATE
    private volatile long state;

    /** @param end runs once, on the thread that reached zero; must not throw */
    public UseCount(Runnable end) {
        this.end = end;
    }

    /**
     * Adds a user; pairs with {@link #leave}.
     *
     * @return false if the object is closing: no user was added, and {@link #leave} must not be called
     */
    public boolean enter() {
        if ((STATE.getAndAdd(this, 1L) & ~INSIDE) == 0) {
            return true;
        }
        leave();
        return false;
    }

    /** Removes a user; pairs with {@link #enter}. */
    public void leave() {
        if (STATE.addAndGet(this, -1L) == CLOSING) {
            claim();
        }
    }

    /** Rejects all further users; runs the end action on this thread if there are none. Idempotent. */
    public void close() {
        if (STATE.getAndUpdate(this, now -> now | CLOSING) == 0) {
            claim();
        }
    }

    private void claim() {
        if (STATE.compareAndSet(this, CLOSING, CLOSING | ENDED)) {
            end.run();
        }
    }
}
