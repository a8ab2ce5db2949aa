package mdev.core;

import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import mdev.api.MdevType;
import mdev.api.ParentDevice;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.sysfs.Attribute;
import mdev.api.sysfs.AttributeGroup;
import mdev.core.bus.BusDevice;
import mdev.core.slot.Gate;
import mdev.core.slot.VendorSlot;
import mdev.core.sysfs.Contents;
import mdev.core.sysfs.Names;
import mdev.core.sysfs.Text;
import mdev.sync.BoundedCalls;
import mdev.sync.Deadline;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A mediated device: {@code struct mdev_device}, with {@code mdev_device_create()} and {@code mdev_device_remove()}. */
public final class MdevDevice extends BusDevice {
    private static final Logger log = LoggerFactory.getLogger(MdevDevice.class);
    private static final List<String> OWN_NAMES =
            List.of("driver", "iommu_group", "mdev_type", "power", "remove", "subsystem", "uevent");

    /** What a device goes through, in this order. */
    private enum State {
        /** Its UUID is taken; it is in the tree or not yet, and cannot be removed by itself. */
        CREATING,
        /** It is whole: it can be removed. */
        ACTIVE,
        /** One thread is taking it down. */
        REMOVING,
        /** The vendor has freed it, and its UUID. */
        GONE
    }

    private final SupportedType type;
    private final UUID uuid;

    /** Inside is every call of the vendor on behalf of the device, from its create to its remove. */
    private final VendorSlot slot;

    /** The vendor's half; written by the thread that creates, and by the one that frees. */
    private volatile VendorOps.@Nullable Instance<?> vendor;

    private volatile List<AttributeGroup> groups = List.of();

    /** Guarded by the tree's change, as the tree shows it: who moves it to REMOVING is the one that takes the device down. */
    private volatile State state = State.CREATING;

    private final CountDownLatch gone = new CountDownLatch(1);

    private volatile boolean leftBehind;

    private MdevDevice(SupportedType type, UUID uuid) {
        super(
                type.parent(),
                uuid.toString(),
                type.parent().core().bus(),
                type.parent().core().uevents());
        this.type = type;
        this.uuid = uuid;
        this.slot = new VendorSlot(
                type.parent().module().owner(),
                uuid.toString(),
                type.parent().core().calls());
    }

    /**
     * {@code mdev_device_create()}.
     *
     * @throws ErrnoException EEXIST: the UUID is taken; ENODEV: the parent is going; ENOSPC: no instance is left; else the vendor's errno
     */
    static void create(SupportedType type, UUID uuid) throws ErrnoException {
        MdevCore core = type.parent().core();
        MdevDevice device = new MdevDevice(type, uuid);
        if (!core.claim(device)) {
            throw new ErrnoException(Errno.EEXIST, "there is a device " + uuid + " already");
        }
        Gate.Entry entry;
        try {
            entry = type.parent()
                    .gate()
                    .enter("create of " + uuid); // closed when the device is whole, or nothing is left of it
        } catch (ErrnoException e) {
            device.forget();
            throw e;
        }
        boolean published = false;
        try {
            device.allocate();
            device.publish();
            published = true;
            core.bus().probe(device);
            device.activate();
            device.notifyInstances();
        } finally {
            if (!published) {
                device.forget();
            }
            entry.close();
        }
    }

    /** The vendor makes its half; nothing of the device can be seen yet. */
    private void allocate() throws ErrnoException {
        type.requireInstance();
        VendorOps.Instance<?> made;
        try (Gate.Entry _ = slot.enter("create")) {
            made = type.parent().ops().create(this); // removed in free()
        }
        vendor = made;
        slot.install(made.device());
        try {
            groups = made.attributeGroups();
            Names.groups(name(), groups, new HashSet<>(OWN_NAMES));
        } catch (ErrnoException e) {
            free();
            throw e;
        }
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
        free();
        throw parentIsRemoved();
    }

    /** {@code mdev_create_sysfs_files()}, which comes after the probe: {@code mdev_type}, {@code devices/<uuid>}, {@code remove}. */
    private void activate() throws ErrnoException {
        try (var _ = tree().change()) {
            if (state == State.CREATING) {
                state = State.ACTIVE;
                type.devices().link(name(), this);
                return;
            }
        }
        // unregister() has found it: whoever moved it on takes it down.
        throw parentIsRemoved();
    }

    /** {@code remove_store()}. */
    private void removeStore(String value) throws ErrnoException {
        if (Text.unsigned(value) != 0) {
            remove();
        }
    }

    /**
     * {@code mdev_device_remove()}, in two phases: the vendor may refuse while nothing has changed yet.
     *
     * @throws ErrnoException what the vendor's veto throws; ENODEV: it is being removed; EAGAIN: no thread can be started to
     *     remove it; EINTR: interrupted, and the removal continues
     */
    private void remove() throws ErrnoException {
        try (Gate.Entry _ = type.parent().gate().enter("remove of " + uuid)) {
            slot.run("mayRemove", this::mayRemove);
            AtomicBoolean first = new AtomicBoolean();
            CountDownLatch retired = new CountDownLatch(1);
            // The thread comes before the first change: what cannot be finished is not begun.
            BoundedCalls.Call removal = core().calls().tryStart("remove of " + uuid, () -> {
                first.set(retire(State.ACTIVE));
                retired.countDown();
                if (first.get()) {
                    tearDown();
                }
            });
            if (removal == null) {
                throw new ErrnoException(Errno.EAGAIN, "no thread can be started to remove " + uuid);
            }
            // Views of the tree may take their time to forget it, bounded by themselves; then driver and vendor get
            // theirs.
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

    private void mayRemove() throws ErrnoException {
        VendorOps.Instance<?> asked = vendor;
        if (asked == null) {
            throw isRemoved();
        }
        asked.mayRemove();
    }

    /** The first step of a removal: the device cannot be found any more, only its directory is left. False: somebody else was first. */
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

    /** The parent is unregistered: no veto, no waiting until the device is whole. True: the caller calls {@link #tearDown}. */
    boolean retireAlways() {
        return retire(State.CREATING);
    }

    /**
     * {@code mdev_device_remove_common()}. A driver or vendor that hangs holds the removal back; then the thread that is in
     * its call finishes it.
     */
    void tearDown() {
        // On record while the driver is in its remove; the slot is not quiet before it has returned.
        try (Gate.Entry _ = slot.enterAnyway("removal")) {
            core().bus().release(this, this::unbound);
        }
    }

    /** No driver has the device any more. */
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

    /** No call is inside the vendor any more, and none comes. */
    private void finish() {
        try (Gate.Entry _ = slot.enterAnyway("remove")) {
            free();
        }
        forget();
    }

    /** The last step, of a removal and of a create that failed: the UUID is free. */
    private void forget() {
        core().release(this);
        state = State.GONE;
        gone.countDown();
        if (leftBehind) {
            log.warn("{}: device {}, which was left behind, is gone now", owner(), uuid);
        }
    }

    /** The vendor frees its half; pairs with {@code allocate()}. Its error is only logged, as in the kernel. */
    private void free() {
        VendorOps.Instance<?> made = vendor;
        if (made == null) {
            return;
        }
        try {
            made.remove();
        } catch (ErrnoException e) {
            log.warn("{}: remove of {} failed: {}", owner(), uuid, e.toString());
        }
        // A reference to this object must not keep the vendor's classes.
        vendor = null;
        slot.install(null);
        groups = List.of();
        notifyInstances();
    }

    /** What a device takes may be another type's, too. */
    private void notifyInstances() {
        type.parent().types().forEach(SupportedType::notifyInstances);
    }

    /** Waits until the device is gone; false when the deadline passed first. */
    boolean awaitGone(Deadline deadline) {
        return deadline.awaitUninterruptibly(gone);
    }

    /** Driver or vendor has not returned in time. The UUID stays taken until it does. */
    void leaveBehind() {
        leftBehind = true;
        log.error(
                "{}: device {} is left behind: its {} has not returned within {} ms; inside: {}",
                owner(),
                uuid,
                state == State.CREATING ? "create" : "removal",
                core().limits().total().toMillis(),
                slot.inside(),
                slot.stacks());
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
        slot.describe(contents, groups);
        if (now == State.ACTIVE) {
            contents.link("mdev_type", type);
            contents.file(Attribute.writeOnly("remove", this::removeStore));
        }
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

    /** The directory of its type. */
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

    /** Who uses the device; empty when it is not open. */
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

    private String owner() {
        return type.parent().module().owner().symbolicName();
    }

    private MdevCore core() {
        return type.parent().core();
    }
}
