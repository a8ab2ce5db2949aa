package mdev.core;

import java.util.List;
import java.util.Optional;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.core.slot.Gate;
import mdev.core.slot.VendorSlot;
import mdev.sync.BoundedCalls;
import mdev.sync.Deadline;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One step of an update: calls the vendor for each device, on a separate thread. A hung step is abandoned: when the
 * vendor's call returns, the step changes nothing.
 */
final class UpdateStep implements Runnable {
    private static final Logger log = LoggerFactory.getLogger(UpdateStep.class);

    /** The part of the step for one device. */
    @FunctionalInterface
    interface Action {
        void run(MdevDevice device, UpdateStep step) throws ErrnoException;
    }

    private final String what;
    private final List<MdevDevice> devices;
    private final Action action;

    /** The monitor guards the fields, and the changes that a step makes to its devices against abandoning it. */
    private @Nullable MdevDevice current;

    private Gate.@Nullable Entry entry;
    private @Nullable ErrnoException failure;
    private boolean abandoned;
    private boolean cancelled;

    /** Whether nothing is left to take from the current device if its call hangs. */
    private boolean settled;

    UpdateStep(String what, List<MdevDevice> devices, Action action) {
        this.what = what;
        this.devices = devices;
        this.action = action;
    }

    @Override
    public void run() {
        for (MdevDevice device : devices) {
            // Inside the slot, so that the vendor may call back although the slot is frozen.
            try (Gate.Entry inside = device.slot().enterAnyway(what)) {
                begin(device, inside);
                action.run(device, this);
            } catch (ErrnoException e) {
                fail(device, e.errno(), String.valueOf(e.getMessage()));
                return;
            } catch (RuntimeException | Error e) {
                log.error("{} of {} failed", what, device.uuid(), e);
                fail(device, Errno.EIO, e.toString());
                return;
            }
        }
    }

    private synchronized void begin(MdevDevice device, Gate.Entry inside) throws ErrnoException {
        if (cancelled) {
            throw hasEnded();
        }
        change(() -> {
            current = device;
            entry = inside;
            settled = false;
        });
    }

    /** The step ends after the current device. */
    synchronized void cancel() {
        cancelled = true;
    }

    private synchronized void fail(MdevDevice device, Errno errno, String reason) {
        failure = new ErrnoException(errno, what + " of " + device.uuid() + ": " + reason);
    }

    /**
     * Makes a change, unless the step has been abandoned.
     *
     * @throws ErrnoException ENODEV: the step has been abandoned
     */
    synchronized void change(Runnable change) throws ErrnoException {
        if (abandoned) {
            throw hasEnded();
        }
        change.run();
    }

    /**
     * Makes the last change to a device: if the step is abandoned later, this device is not the one that hangs.
     *
     * @return false if the step has been abandoned: nothing is changed then, and the caller frees the object from which
     *     the device has been taken, or thaws the slot that {@link #hung} has left to it
     */
    synchronized boolean settle(Runnable change) {
        if (abandoned) {
            return false;
        }
        change.run();
        settled = true;
        return true;
    }

    static ErrnoException hasEnded() {
        return new ErrnoException(Errno.ENODEV, "the update has ended");
    }

    /** The slot of the device whose call hung when the step was abandoned; {@link #settle} returns false for it. */
    synchronized Optional<VendorSlot> hung() {
        return abandoned && !settled ? Optional.ofNullable(current).map(MdevDevice::slot) : Optional.empty();
    }

    /**
     * @param disowning whether a device with a hung call is detached from its vendor's object
     * @throws ErrnoException ETIMEDOUT: a call hangs; else the failure of a call
     */
    void await(BoundedCalls.Call call, Deadline deadline, boolean disowning) throws ErrnoException {
        boolean returned = call.awaitUninterruptibly(deadline);
        synchronized (this) {
            if (!returned && !call.isDone()) {
                abandoned = true;
                String name = current == null ? "a device" : current.uuid().toString();
                log.error("{} of {} has not returned", what, name, call.stack());
                if (current != null && entry != null && disowning) {
                    if (!settled) {
                        current.vendor().disown();
                    }
                    entry.close(); // removes the call from the device: the next update does not wait for it
                }
                throw new ErrnoException(Errno.ETIMEDOUT, what + " of " + name + " has not returned in time");
            }
            if (failure != null) {
                throw failure;
            }
        }
    }
}
