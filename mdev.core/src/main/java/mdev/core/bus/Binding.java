package mdev.core.bus;

import mdev.api.errno.ErrnoException;
import mdev.sync.Deadline;
import org.jspecify.annotations.Nullable;

/**
 * The binding of a device to a driver. This object's monitor guards invariant 3, "a device has at most one driver,
 * whose probe and remove alternate". It is held only for a change of the phase: the phases PROBING and UNBINDING
 * replace the kernel's device lock around a driver's calls. A driver call may hang: all waits for it have a deadline,
 * and its own thread performs the subsequent steps when it returns.
 */
final class Binding {
    /** The result of an attempt to bind. */
    enum Result {
        /** The device is bound to the driver. */
        BOUND,
        /** A call of an earlier user or driver is still inside. */
        BUSY,
        /** The device is bound to another driver, or is being removed. */
        TAKEN,
        /** The driver rejects the device: another one may accept it. */
        REFUSED
    }

    private enum Phase {
        UNBOUND,
        PROBING,
        BOUND,
        UNBINDING
    }

    private Phase phase = Phase.UNBOUND;

    /** The device is being removed: no further driver is bound. */
    private boolean dead;

    /** Runs once the device is dead and unbound. */
    private @Nullable Runnable unbound;

    /** Why the last probe has failed, if the process was short of resources. */
    private volatile @Nullable ErrnoException shortage;

    private volatile @Nullable BusDriver driver;
    private volatile @Nullable IommuGroup group;

    /**
     * Waits for a change in progress and claims the device; pairs with {@link #endProbe}.
     *
     * @return false if the device is bound, dead, or still changing at the deadline
     */
    synchronized boolean beginProbe(BusDriver by, Deadline deadline) {
        if (!settle(deadline) || phase != Phase.UNBOUND || dead) {
            return false;
        }
        phase = Phase.PROBING;
        driver = by;
        shortage = null;
        return true;
    }

    void shortage(ErrnoException reason) {
        shortage = reason;
    }

    /** Why the last probe has failed, if the process was short of resources. */
    @Nullable
    ErrnoException shortage() {
        return shortage;
    }

    /**
     * Called when the probe has returned.
     *
     * @return true if the device died during the probe; it is then claimed as by {@link #beginUnbind}
     */
    synchronized boolean endProbe() {
        phase = dead ? Phase.UNBINDING : Phase.BOUND;
        notifyAll();
        return dead;
    }

    /**
     * Waits for a change in progress and claims the device if it is bound to that driver; pairs with {@link #unbind}.
     *
     * @return false if the device is not bound to that driver, or still changing at the deadline
     */
    synchronized boolean beginUnbind(BusDriver from, Deadline deadline) {
        if (!settle(deadline) || phase != Phase.BOUND || !from.equals(driver)) {
            return false;
        }
        phase = Phase.UNBINDING;
        return true;
    }

    /** Called when the driver's remove has returned or its probe has failed. */
    synchronized void unbind() {
        phase = Phase.UNBOUND;
        driver = null;
        notifyAll();
    }

    /**
     * Prevents further binding of the device.
     *
     * @param then the action that {@link #finish} runs
     * @return the currently bound driver, claimed as by {@link #beginUnbind}
     */
    synchronized @Nullable BusDriver die(Runnable then) {
        dead = true;
        unbound = then;
        if (phase != Phase.BOUND) {
            return null;
        }
        phase = Phase.UNBINDING;
        return driver;
    }

    /**
     * Called after each {@link #unbind} and after {@link #die}: runs the action that waits for the device to be dead
     * and unbound.
     */
    void finish() {
        Runnable then;
        synchronized (this) {
            if (phase != Phase.UNBOUND) {
                return;
            }
            then = unbound;
            unbound = null;
        }
        if (then != null) {
            then.run();
        }
    }

    /** Whether a call of a driver is in progress. */
    synchronized boolean isChanging() {
        return phase == Phase.PROBING || phase == Phase.UNBINDING;
    }

    private boolean settle(Deadline deadline) {
        while (isChanging()) {
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
