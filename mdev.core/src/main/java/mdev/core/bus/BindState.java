package mdev.core.bus;

import mdev.core.sync.Deadline;
import org.jspecify.annotations.Nullable;

/**
 * Which driver a device is bound to. Invariant 3, "a device has at most one driver, whose probe and remove alternate", is guarded by
 * this object's monitor, which is held for a change of the phase only: the phases PROBING and UNBINDING are what the kernel's device lock is
 * around the calls of a driver.
 */
final class BindState {
    private enum Phase {
        UNBOUND,
        PROBING,
        BOUND,
        UNBINDING
    }

    private Phase phase = Phase.UNBOUND;
    private boolean dead;
    private volatile @Nullable BusDriver driver;
    private volatile @Nullable IommuGroup group;

    /**
     * Waits for a change in progress and claims the device; pairs with {@link #endProbe}.
     *
     * @return false if it is bound, dead, or still changing at the deadline
     */
    synchronized boolean beginProbe(BusDriver by, Deadline deadline) {
        if (!settle(deadline) || phase != Phase.UNBOUND || dead) {
            return false;
        }
        phase = Phase.PROBING;
        driver = by;
        return true;
    }

    synchronized void endProbe(boolean bound) {
        phase = bound ? Phase.BOUND : Phase.UNBOUND;
        if (!bound) {
            driver = null;
        }
        notifyAll();
    }

    /**
     * Waits for a change in progress and claims the device if it is bound to that driver; pairs with {@link #endUnbind}.
     *
     * @return false if it is not bound to that driver
     */
    synchronized boolean beginUnbind(BusDriver from) {
        settle(Deadline.NEVER);
        if (phase != Phase.BOUND || !from.equals(driver)) {
            return false;
        }
        phase = Phase.UNBINDING;
        return true;
    }

    synchronized void endUnbind() {
        phase = Phase.UNBOUND;
        driver = null;
        notifyAll();
    }

    /** No driver gets the device any more; the one that has it is answered, claimed as by {@link #beginUnbind}. */
    synchronized @Nullable BusDriver die() {
        dead = true;
        settle(Deadline.NEVER);
        BusDriver last = driver;
        return last != null && beginUnbind(last) ? last : null;
    }

    private boolean settle(Deadline deadline) {
        while (phase == Phase.PROBING || phase == Phase.UNBINDING) {
            if (!deadline.waitOn(this)) {
                return false;
            }
        }
        return true;
    }

    /** The driver, from the beginning of its probe to the end of its remove. */
    @Nullable
    BusDriver driver() {
        return driver;
    }

    @Nullable
    IommuGroup group() {
        return group;
    }

    void group(@Nullable IommuGroup now) {
        group = now;
    }
}
