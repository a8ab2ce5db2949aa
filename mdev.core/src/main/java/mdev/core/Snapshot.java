package mdev.core;

import java.util.ArrayList;
import java.util.List;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.state.DeviceState;
import mdev.core.slot.Gate;
import mdev.core.slot.VendorSlot;
import mdev.sync.BoundedCalls;
import mdev.sync.Deadline;

/** Saves the state of a device, which pauses meanwhile. */
public final class Snapshot {
    private final MdevCore core;

    public Snapshot(MdevCore core) {
        this.core = core;
    }

    /**
     * @throws ErrnoException EOPNOTSUPP: the device has no state to save; EBUSY: it is being saved or updated already,
     *     or a call has not returned in time; ETIMEDOUT: the vendor has not returned in time; else the vendor's errno
     */
    public DeviceState of(MdevDevice device) throws ErrnoException {
        VendorSlot slot = device.slot();
        Deadline deadline = Deadline.in(core.limits().update());
        // In the parent's gate, because an update of the vendor waits until that is empty.
        try (Gate.Entry _ = device.supportedType().parent().gate().enter("save of " + device.uuid())) {
            if (!device.vendor().isStateful()) {
                throw new ErrnoException(
                        Errno.EOPNOTSUPP, "the driver of device " + device.uuid() + " cannot save its state");
            }
            if (!slot.freeze(deadline)) {
                throw new ErrnoException(Errno.EBUSY, slot + " is being saved already");
            }
            List<DeviceState> saved = new ArrayList<>(1);
            UpdateStep step = new UpdateStep("save", List.of(device), (one, self) -> {
                try {
                    stopSaveResume(one, saved);
                } finally {
                    if (!self.settle(() -> {})) {
                        one.slot().thaw();
                    }
                }
            });
            try {
                if (!slot.awaitEmpty(deadline)) {
                    throw new ErrnoException(
                            Errno.EBUSY, slot + " has a call inside that does not return: " + slot.inside());
                }
                run(step, device, deadline);
            } finally {
                if (step.hung().isEmpty()) { // else the device may be stopped: the hung call thaws it
                    slot.thaw();
                }
            }
            if (saved.isEmpty()) {
                throw new ErrnoException(Errno.ENODEV, "device " + device.uuid() + " is being removed");
            }
            return saved.getFirst();
        }
    }

    private static void stopSaveResume(MdevDevice device, List<DeviceState> saved) throws ErrnoException {
        try {
            device.vendor().stopAndSave().ifPresent(saved::add);
        } finally {
            device.vendor().resume();
        }
    }

    private void run(UpdateStep step, MdevDevice device, Deadline deadline) throws ErrnoException {
        BoundedCalls.Call call = core.calls().tryStart("save of " + device.uuid(), step);
        if (call == null) {
            throw new ErrnoException(Errno.EAGAIN, "no thread can be started to save device " + device.uuid());
        }
        step.await(call, deadline, false);
    }
}
