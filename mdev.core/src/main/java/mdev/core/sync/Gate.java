package mdev.core.sync;

import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Lets calls in until it is shut, and tells when the last one is out. Entering never waits: a shut gate refuses ({@code
 * down_read_trylock()} of the kernel's {@code unreg_sem}). Its number is the one atomic that guards "nobody comes in any more".
 */
public final class Gate {
    private static final int SHUT = 1 << 31;

    /** How many are inside, and the sign bit once it is shut. */
    private final AtomicInteger state = new AtomicInteger();

    /** Which of them said what they do, and how many do the same. */
    private final Map<String, Integer> named = new ConcurrentHashMap<>();

    /** Pairs with {@link #exit()}, unless it answered false. */
    public boolean tryEnter() {
        int inside = state.get();
        while (inside >= 0) {
            if (state.weakCompareAndSetVolatile(inside, inside + 1)) {
                return true;
            }
            inside = state.get();
        }
        return false;
    }

    /** As {@link #tryEnter()}, for a call that may hang; pairs with {@link #exit(String)}. */
    public boolean tryEnter(String call) {
        if (!tryEnter()) {
            return false;
        }
        named.merge(call, 1, Integer::sum);
        return true;
    }

    /** Pairs with {@link #tryEnter(String)}. */
    public void exit(String call) {
        named.computeIfPresent(call, (_, count) -> count == 1 ? null : count - 1);
        exit();
    }

    /** What is inside, as far as it said, for the log. */
    public Set<String> inside() {
        return new TreeSet<>(named.keySet());
    }

    /** Pairs with {@link #tryEnter()}. */
    public void exit() {
        if (state.decrementAndGet() == SHUT) {
            synchronized (this) {
                notifyAll();
            }
        }
    }

    /** From now on nobody comes in. */
    public void shut() {
        state.getAndUpdate(inside -> inside | SHUT);
    }

    public boolean isShut() {
        return state.get() < 0;
    }

    /** Waits, after {@link #shut()}, until the last one is out; false when the deadline passed first. */
    public synchronized boolean awaitEmpty(Deadline deadline) {
        while (state.get() != SHUT) {
            if (!deadline.waitOn(this)) {
                return state.get() == SHUT;
            }
        }
        return true;
    }
}
