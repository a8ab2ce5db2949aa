package mdev.core;

import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import mdev.api.Slot;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.state.DeviceState;
import mdev.api.state.StatefulDevice;
import mdev.api.sysfs.AttributeGroup;
import mdev.core.slot.Gate;
import mdev.core.slot.VendorSlot;
import mdev.core.sysfs.AttributePlaces;
import mdev.core.sysfs.Contents;
import mdev.core.sysfs.Names;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The vendor's half of a device: the vendor's object, from its create to its remove, and the attributes that the vendor
 * adds. An update replaces it.
 */
final class VendorHalf {
    private static final Logger log = LoggerFactory.getLogger(VendorHalf.class);

    private final MdevDevice device;

    /** Contains every call of the vendor on behalf of the device. */
    private final VendorSlot slot;

    /** Written by the creating thread, by the freeing thread and, while the slot is frozen, by an update. */
    private volatile VendorOps.@Nullable Instance<?> instance;

    private volatile List<AttributeGroup> groups = List.of();

    private volatile AttributePlaces places = AttributePlaces.NONE;

    VendorHalf(MdevDevice device, VendorSlot slot) {
        this.device = device;
        this.slot = slot;
    }

    /** The vendor creates its object; pairs with {@link #free}. */
    void create() throws ErrnoException {
        VendorOps.Instance<?> made;
        try (Gate.Entry _ = slot.enter("create")) {
            made = ops().create(device);
        }
        instance = made;
        slot.install(made.device());
        try {
            groups = checkedGroups(made);
        } catch (ErrnoException e) {
            free();
            throw e;
        }
    }

    /** Called inside the slot. */
    void mayRemove() throws ErrnoException {
        VendorOps.Instance<?> asked = instance;
        if (asked == null) {
            throw new ErrnoException(Errno.ENODEV, "device " + device.uuid() + " is being removed");
        }
        asked.mayRemove();
    }

    /** The vendor frees its object. Its error is only logged, as in the kernel. */
    void free() {
        VendorOps.Instance<?> made = instance;
        if (made == null) {
            return;
        }
        remove(made);
        // A reference to this object must not keep the vendor's classes alive.
        instance = null;
        slot.install(null);
        groups = List.of();
        device.notifyInstances();
    }

    private void remove(VendorOps.Instance<?> made) {
        try {
            made.remove();
        } catch (ErrnoException e) {
            log.warn("{}: remove of {} failed: {}", device.owner(), device.uuid(), e.toString());
        }
    }

    boolean isStateful() {
        VendorOps.Instance<?> now = instance;
        return now != null && now.device() instanceof StatefulDevice;
    }

    /**
     * Stops the device for an update of its vendor; pairs with {@link #resume}. Called inside the frozen slot, as are
     * the next six.
     *
     * @return the state; empty if the device has none to save
     */
    Optional<DeviceState> stopAndSave() throws ErrnoException {
        VendorOps.Instance<?> now = instance;
        return now == null ? Optional.empty() : now.stopAndSave(isStoppedByUser());
    }

    /** The user has stopped the device for a migration: it stays stopped. */
    private boolean isStoppedByUser() {
        Slot.Occupant user = slot.occupant();
        return user != null && user.isStopped();
    }

    void resume() throws ErrnoException {
        VendorOps.Instance<?> now = instance;
        if (now != null && !isStoppedByUser()) {
            now.resume();
        }
    }

    /** As {@link #resume()}, for the return from a stop: the vendor's failure is only logged. */
    void resumeOrLog() {
        try {
            resume();
        } catch (ErrnoException e) {
            log.error("{}: resume of {} failed: {}", device.owner(), device.uuid(), e.toString());
        }
    }

    /** The new version continues; if this call hangs, it frees its object when it returns. */
    void resume(UpdateStep step) throws ErrnoException {
        VendorOps.Instance<?> now = instance;
        if (now == null || isStoppedByUser()) {
            return;
        }
        boolean open = slot.occupant() != null; // not when the call has hung
        try {
            now.resume();
        } finally {
            if (!step.settle(() -> {})) {
                discard(now, open);
            }
        }
    }

    /** Frees the vendor's object, but not the device. Does nothing if the vendor has none. */
    void park(UpdateStep step) {
        VendorOps.Instance<?> made = instance;
        if (made == null) {
            return;
        }
        if (slot.occupant() != null) {
            release(made);
        }
        step.settle(this::disown); // else it is disowned already
        remove(made);
    }

    private void discard(VendorOps.Instance<?> made, boolean open) {
        if (open) {
            release(made);
        }
        remove(made);
    }

    private void release(VendorOps.Instance<?> made) {
        try {
            made.device().release();
        } catch (RuntimeException | Error e) {
            var _ = slot.failed("release", e);
        }
    }

    /** Detaches the device from its vendor's object, which may hang. */
    void disown() {
        instance = null;
        slot.install(NoDevice.INSTANCE);
        Slot.Occupant user = slot.occupant();
        if (user != null) {
            user.parked();
        }
    }

    /**
     * The new version of the vendor creates its object, opens it for the user and restores the state.
     *
     * @return the saved fields that the new version does not save
     */
    List<String> adopt(Optional<DeviceState> saved, UpdateStep step) throws ErrnoException {
        VendorOps.Instance<?> made = ops().create(device); // removed below, in park() or in free()
        Slot.Occupant user = slot.occupant();
        boolean open = false;
        try {
            step.change(() -> {
                instance = made;
                slot.install(made.device());
            });
            List<AttributeGroup> changed = checkedGroups(made);
            if (user != null) {
                user.reopen(made.device());
                open = true;
            }
            Set<String> lost = new TreeSet<>();
            if (saved.isPresent()) {
                lost.addAll(saved.get().names());
                lost.removeAll(made.restore(saved.get()).names());
            }
            if (!step.settle(() -> device.showAgain(() -> replaceGroups(changed)))) {
                throw UpdateStep.hasEnded();
            }
            return lost.stream().map(field -> device.uuid() + "." + field).toList();
        } catch (ErrnoException e) {
            boolean unopened = user != null && !open; // park() would release it
            if (!step.settle(unopened ? this::disown : () -> {}) || unopened) {
                discard(made, open);
            }
            throw e;
        }
    }

    private void replaceGroups(List<AttributeGroup> changed) {
        places = places.updated(groups, changed);
        groups = changed;
    }

    private List<AttributeGroup> checkedGroups(VendorOps.Instance<?> made) throws ErrnoException {
        List<AttributeGroup> checked = made.attributeGroups();
        Names.groups(device.name(), checked, new HashSet<>(MdevDevice.OWN_NAMES));
        return checked;
    }

    void describe(Contents contents) {
        slot.describe(contents, places, () -> groups);
    }

    private VendorOps<?> ops() {
        return device.supportedType().parent().ops();
    }
}
