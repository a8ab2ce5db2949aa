package mdev.core;

import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Supplier;
import mdev.api.MdevType;
import mdev.api.ParentDevice;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.core.bus.BusDevice;
import mdev.core.slot.Gate;
import mdev.core.slot.VendorSlot;
import mdev.core.sysfs.Contents;
import mdev.core.sysfs.Text;
import mdev.sync.BoundedCalls;
import mdev.sync.Deadline;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A mediated device: {@code struct mdev_device}, with {@code mdev_device_create()} and {@code mdev_device_remove()}.
 */
public final class MdevDevice extends BusDevice {
    private static final Logger log = LoggerFactory.getLogger(MdevDevice.class);
    /** The vendor's attributes must not have these. */
    static final List<String> OWN_NAMES =
            List.of("driver", "iommu_group", "mdev_type", "power", "remove", "subsystem", "uevent");

    /** The states of a device, in this order. */
    private enum State {
        /** It owns its UUID; it may or may not be in the tree yet, and cannot be removed individually. */
        CREATING,
        /** Its creation is complete: it can be removed. */
        ACTIVE,
        /** One thread is tearing it down. */
        REMOVING,
        /** The vendor has freed it, and its UUID is free. */
        GONE
    }

    private final SupportedType type;
    private final UUID uuid;

    /** Contains every call of the vendor on behalf of the device, from its create to its remove. */
    private final VendorSlot slot;

    private final VendorHalf vendor;

    /** Guarded by the tree's change, as the tree shows it: the thread that sets REMOVING tears the device down. */
    private volatile State state = State.CREATING;

    private final CountDownLatch gone = new CountDownLatch(1);

    private volatile boolean leftBehind;

    /** The requester of the removal, for the log; written by the thread that has set REMOVING, before the teardown. */
    private volatile String remover = "its parent, which is unregistered";

    private MdevDevice(SupportedType type, Parent parent, UUID uuid) {
        super(parent, uuid.toString(), parent.core().bus(), parent.core().uevents());
        this.type = type;
        this.uuid = uuid;
        this.slot = new VendorSlot(
                parent.module().owner(), uuid.toString(), parent.core().calls());
        this.vendor = new VendorHalf(this, slot);
    }

    /**
     * {@code mdev_device_create()}.
     *
     * @param requester supplies the name of the caller for the log
     * @throws ErrnoException EEXIST: the UUID is in use; ENODEV: the parent is being unregistered; else the vendor's
     *     errno: ENOSPC when no instance is left
     */
    static void create(SupportedType type, UUID uuid, Supplier<String> requester) throws ErrnoException {
        MdevCore core = type.parent().core();
        MdevDevice device = new MdevDevice(type, type.parent(), uuid);
        if (!core.claim(device)) {
            throw new ErrnoException(Errno.EEXIST, "device " + uuid + " already exists");
        }
        Gate.Entry entry;
        try {
            entry = type.parent()
                    .gate()
                    .enter("create of " + uuid); // closed when the device is complete or fully rolled back
        } catch (ErrnoException e) {
            device.forget();
            throw e;
        }
        boolean published = false;
        String who = requester.get(); // now, because the caller may be killed during the vendor's create
        try {
            device.vendor.create(); // freed in finish(); the device is not visible yet
            device.publish();
            published = true;
            device.probe();
            device.activate();
            device.notifyInstances();
        } finally {
            if (!published) {
                device.forget();
            }
            entry.close();
        }
        log.info(
                "{}: created {}, a {} of {}, for {}",
                device.owner(),
                uuid,
                type.id(),
                type.parent().name(),
                who);
    }

    /** {@code device_add()} up to the probe. */
    private void publish() throws ErrnoException {
        try (var _ = tree().change()) {
            if (!type.parent().sealed()) {
                type.parent().add(this);
                core().bus().add(this);
                uevent("add");
                return;
            }
        }
        vendor.free();
        throw parentIsRemoved();
    }

    /** The create fails if the process is too short of resources for a driver to bind. */
    private void probe() throws ErrnoException {
        try {
            core().bus().probe(this);
        } catch (ErrnoException e) {
            if (retire(State.CREATING)) {
                remover = "its create, which failed";
                tearDown();
            }
            throw e;
        }
    }

    /**
     * {@code mdev_create_sysfs_files()}, which comes after the probe: {@code mdev_type}, {@code devices/<uuid>}, {@code
     * remove}.
     */
    private void activate() throws ErrnoException {
        try (var _ = tree().change()) {
            if (state == State.CREATING) {
                state = State.ACTIVE;
                type.devices().link(name(), this);
                return;
            }
        }
        // unregister() has found the device: the thread that changed its state tears it down.
        throw parentIsRemoved();
    }

    /** {@code remove_store()}. */
    private void removeStore(String value, Supplier<String> requester) throws ErrnoException {
        if (Text.unsigned(value) != 0) {
            remove(requester);
        }
    }

    /**
     * {@code mdev_device_remove()}, in two phases: the vendor may veto the removal before anything has changed.
     *
     * @throws ErrnoException the errno of the vendor's veto; ENODEV: the device is already being removed; EAGAIN: no
     *     thread can be started to remove it; EINTR: interrupted, but the removal continues
     */
    private void remove(Supplier<String> requester) throws ErrnoException {
        try (Gate.Entry _ = type.parent().gate().enter("remove of " + uuid)) {
            slot.run("mayRemove", vendor::mayRemove);
            String who = requester.get();
            AtomicBoolean first = new AtomicBoolean();
            CountDownLatch retired = new CountDownLatch(1);
            // The thread is started before the first change: a removal that cannot be finished does not begin.
            BoundedCalls.Call removal = core().calls().tryStart("remove of " + uuid, () -> {
                first.set(retire(State.ACTIVE));
                retired.countDown();
                if (first.get()) {
                    remover = who;
                    tearDown();
                }
            });
            if (removal == null) {
                throw new ErrnoException(Errno.EAGAIN, "no thread can be started to remove " + uuid);
            }
            // Views of the tree may need time, which they bound themselves, to drop the device from their caches; only
            // then does the time limit of the driver and the vendor begin.
            if (core().limits().deadline().await(retired) && !first.get()) {
                throw isRemoved();
            }
            if (!core().limits().deadline().await(gone)) {
                leaveBehind();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new ErrnoException(Errno.EINTR, "interrupted; the removal of " + uuid + " continues");
        }
    }

    /**
     * The first step of a removal: afterwards the device can no longer be found, only its directory remains. Returns
     * false if another thread was first.
     */
    private boolean retire(State atLeast) {
        try (var _ = tree().change()) {
            if (state.compareTo(atLeast) < 0 || state.compareTo(State.ACTIVE) > 0) {
                return false;
            }
            type.devices().remove(name());
            core().bus().remove(this);
            withdrawContents();
            state = State.REMOVING;
        }
        slot.shut();
        return true;
    }

    /**
     * Begins a removal because the parent is being unregistered: without a veto and without waiting for a creation to
     * complete. If it returns true, the caller calls {@link #tearDown}.
     */
    boolean retireAlways() {
        return retire(State.CREATING);
    }

    /**
     * {@code mdev_device_remove_common()}. A driver or vendor that hangs delays the removal; the thread inside that
     * call then finishes it.
     */
    void tearDown() {
        // An entry during the driver's remove, so that the slot is not quiet before it has returned.
        try (Gate.Entry _ = slot.enterAnyway("removal")) {
            core().bus().release(this, this::unbound);
        }
    }

    /** Runs when the device has been unbound. */
    private void unbound() {
        try (var _ = tree().change()) {
            uevent("remove");
            type.parent().remove(name());
        }
        Thread here = Thread.currentThread();
        slot.whenQuiet(() -> {
            if (Thread.currentThread().equals(here)) {
                finish();
            } else {
                core().calls().start("remove of " + uuid, this::finish); // the vendor may hang
            }
        });
    }

    /** Runs when no call is inside the vendor and none will follow. */
    private void finish() {
        try (Gate.Entry _ = slot.enterAnyway("remove")) {
            vendor.free();
        }
        forget();
        log.info("{}: removed {}, for {}", owner(), uuid, remover);
    }

    /** The last step of a removal or a failed create: frees the UUID. */
    private void forget() {
        core().release(this);
        state = State.GONE;
        gone.countDown();
        if (leftBehind) {
            log.warn("{}: device {}, left behind earlier, has been removed", owner(), uuid);
        }
    }

    /** A device may use resources that other types share. */
    void notifyInstances() {
        type.parent().types().forEach(SupportedType::notifyInstances);
    }

    boolean isCreating() {
        return state == State.CREATING;
    }

    boolean isActive() {
        return state == State.ACTIVE;
    }

    VendorHalf vendor() {
        return vendor;
    }

    /** Shows the changed attributes of the vendor. */
    void showAgain(Runnable change) {
        try (var _ = tree().change()) {
            if (redescribe(change)) {
                uevent("change");
            }
        }
    }

    /** Waits until the device has been removed; returns false if the deadline passes first. */
    boolean awaitGone(Deadline deadline) {
        return deadline.awaitUninterruptibly(gone);
    }

    /** The driver or the vendor has not returned in time. The UUID stays in use until it does. */
    void leaveBehind() {
        leftBehind = true;
        slot.logInside(
                log::error,
                "%s: device %s is left behind: its %s has not returned within %d ms; inside: "
                        .formatted(
                                owner(),
                                uuid,
                                state == State.CREATING ? "create" : "removal",
                                core().limits().total().toMillis()));
    }

    private ErrnoException parentIsRemoved() {
        return new ErrnoException(Errno.ENODEV, "parent " + type.parent().name() + " is being unregistered");
    }

    private ErrnoException isRemoved() {
        return new ErrnoException(Errno.ENODEV, "device " + uuid + " is being removed");
    }

    @Override
    protected void contents(Contents contents) {
        State now = state;
        if (now.compareTo(State.ACTIVE) > 0) {
            return;
        }
        super.contents(contents);
        if (now == State.ACTIVE) {
            contents.link("mdev_type", type);
            contents.file("remove", this::removeStore);
        } else {
            contents.skip(2);
        }
        vendor.describe(contents); // last: an update of the vendor changes them
    }

    @Override
    public UUID uuid() {
        return uuid;
    }

    @Override
    public ParentDevice parent() {
        return type.parent().device();
    }

    @Override
    public MdevType type() {
        return type.type();
    }

    /** The directory of the device's type. */
    public SupportedType supportedType() {
        return type;
    }

    @Override
    public String typeId() {
        return type.id();
    }

    @Override
    public String deviceApi() {
        return type.deviceApi();
    }

    @Override
    public VendorSlot slot() {
        return slot;
    }

    /** The user of the device; empty if it is not open. */
    public Optional<String> user() {
        return driver().flatMap(driver -> driver.user(this));
    }

    /** For listings: creating, active, removing or left behind. */
    public String stateName() {
        if (leftBehind) {
            return "left behind";
        }
        return switch (state) {
            case CREATING -> "creating";
            case ACTIVE -> "active";
            case REMOVING, GONE -> "removing";
        };
    }

    /** The vendor's bundle, for the log. */
    String owner() {
        return type.parent().module().owner().symbolicName();
    }

    private MdevCore core() {
        return type.parent().core();
    }
}
