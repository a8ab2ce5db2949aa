package mdev.core;

import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import mdev.api.MdevType;
import mdev.api.ParentDevice;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.sysfs.Attribute;
import mdev.api.sysfs.AttributeGroup;
import mdev.api.vfio.DeviceOps;
import mdev.core.bus.BusDevice;
import mdev.core.sync.Deadline;
import mdev.core.sync.Gate;
import mdev.core.sysfs.Contents;
import mdev.core.sysfs.Names;
import mdev.core.sysfs.Text;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A mediated device: {@code struct mdev_device}, with {@code mdev_device_create()} and {@code mdev_device_remove()}. */
public final class MdevDevice extends BusDevice {
    private static final Logger log = LoggerFactory.getLogger(MdevDevice.class);
    private static final List<String> OWN_NAMES =
            List.of("driver", "iommu_group", "mdev_type", "power", "remove", "subsystem", "uevent");
    private static final String VETO = "mayRemove";

    /** What a device goes through, in this order. */
    private enum State {
        /** Only its UUID is known. */
        NEW,
        /** It is in the tree and on the bus; its creator is offering it to the drivers. */
        ADDED,
        /** It is whole: it can be removed. */
        ACTIVE,
        /** One thread is taking it down. */
        REMOVING
    }

    private final SupportedType type;
    private final UUID uuid;

    /** Inside are calls of the vendor's attributes and of its veto; empty before the vendor's remove. */
    private final Gate gate = new Gate();

    private volatile VendorOps.@Nullable Instance<?> vendor;
    private volatile List<AttributeGroup> groups = List.of();

    /** Guarded by the tree's change, as the tree shows it: who moves it to REMOVING is the one that takes the device down. */
    private volatile State state = State.NEW;

    private volatile boolean leftBehind;

    private MdevDevice(SupportedType type, UUID uuid) {
        super(
                type.parent(),
                uuid.toString(),
                type.parent().core().bus(),
                type.parent().core().uevents());
        this.type = type;
        this.uuid = uuid;
    }

    /**
     * {@code mdev_device_create()}.
     *
     * @throws ErrnoException EEXIST: the UUID is taken; ENODEV: the parent is going; ENOSPC: no instance is left; else the vendor's errno
     */
    static void create(SupportedType type, UUID uuid) throws ErrnoException {
        MdevCore core = type.parent().core();
        Gate parent = type.parent().gate();
        MdevDevice device = new MdevDevice(type, uuid);
        if (!core.claim(device)) {
            throw new ErrnoException(Errno.EEXIST, "there is a device " + uuid + " already");
        }
        String call = "create of " + uuid;
        if (!parent.tryEnter(call)) { // exits when the device is whole, or nothing is left of it
            core.release(device);
            throw device.parentIsGoing();
        }
        try {
            device.allocate();
            device.publish();
            core.bus().probe(device);
            device.activate();
            device.notifyInstances();
        } finally {
            if (device.state == State.NEW) {
                core.release(device);
            }
            parent.exit(call);
        }
    }

    /** The vendor makes its half; nothing of the device can be seen yet. */
    private void allocate() throws ErrnoException {
        type.requireInstance();
        VendorOps.Instance<?> made = type.parent().ops().create(this); // removed in free()
        vendor = made;
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
                state = State.ADDED;
                type.parent().add(this);
                core().bus().add(this);
                uevent("add");
                return;
            }
        }
        free();
        throw parentIsGoing();
    }

    /** {@code mdev_create_sysfs_files()}, which comes after the probe: {@code mdev_type}, {@code devices/<uuid>}, {@code remove}. */
    private void activate() throws ErrnoException {
        try (var _ = tree().change()) {
            if (state == State.ADDED) {
                state = State.ACTIVE;
                type.devices().link(name(), this);
                return;
            }
        }
        // unregister() has found it: whoever moved it on takes it down.
        throw parentIsGoing();
    }

    /** {@code remove_store()}. */
    private void removeStore(String value) throws ErrnoException {
        if (Text.unsigned(value) != 0) {
            remove();
        }
    }

    /** {@code mdev_device_remove()}, in two phases: the vendor may refuse while nothing has changed yet. */
    private void remove() throws ErrnoException {
        Gate parent = type.parent().gate();
        String call = "remove of " + uuid;
        if (!parent.tryEnter(call)) {
            throw parentIsGoing();
        }
        try {
            mayRemove();
            if (!retire(State.ACTIVE)) {
                throw isGoing();
            }
            Deadline deadline = core().limits().deadline();
            CountDownLatch gone = core().workers().one(this, MdevDevice::tearDown);
            if (!deadline.await(gone)) {
                leaveBehind();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new ErrnoException(Errno.EINTR, "interrupted; the removal of " + uuid + " goes on");
        } finally {
            parent.exit(call);
        }
    }

    private void mayRemove() throws ErrnoException {
        if (!gate.tryEnter(VETO)) {
            throw isGoing();
        }
        try {
            VendorOps.Instance<?> asked = vendor;
            if (asked == null) {
                throw isGoing();
            }
            asked.mayRemove();
        } finally {
            gate.exit(VETO);
        }
    }

    /** The first step of a removal: the device cannot be found any more, only its directory is left. False: somebody else was first. */
    private boolean retire(State atLeast) {
        try (var _ = tree().change()) {
            if (state == State.REMOVING || state.compareTo(atLeast) < 0) {
                return false;
            }
            type.devices().remove(name());
            core().bus().remove(this);
            withdrawContents();
            state = State.REMOVING;
        }
        gate.shut();
        return true;
    }

    /** The parent is going: no veto, no waiting until the device is whole. True: it is the caller's to {@link #tearDown}. */
    boolean retireAlways() {
        return retire(State.ADDED);
    }

    /** {@code mdev_device_remove_common()}; takes as long as driver and vendor take. */
    void tearDown() {
        core().bus().release(this);
        try (var _ = tree().change()) {
            uevent("remove");
            type.parent().remove(name());
        }
        gate.awaitEmpty(Deadline.NEVER);
        quiet().join();
        free();
        core().release(this);
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
        // Whoever still holds this object must not hold the vendor's classes.
        vendor = null;
        groups = List.of();
        notifyInstances();
    }

    /** What a device takes may be another type's, too. */
    private void notifyInstances() {
        type.parent().types().forEach(SupportedType::notifyInstances);
    }

    /** Driver or vendor has not come back in time. The UUID stays taken until it does. */
    void leaveBehind() {
        leftBehind = true;
        log.error(
                "{}: device {} is left behind: its removal has not come back within {} ms; inside: {}",
                owner(),
                uuid,
                core().limits().total().toMillis(),
                gate.inside());
    }

    private ErrnoException parentIsGoing() {
        return new ErrnoException(Errno.ENODEV, "parent " + type.parent().name() + " is going");
    }

    private ErrnoException isGoing() {
        return new ErrnoException(Errno.ENODEV, "device " + uuid + " is going");
    }

    @Override
    protected void contents(Contents contents) {
        State now = state;
        if (now == State.REMOVING) {
            return;
        }
        super.contents(contents);
        type.parent().module().owner().describe(contents, groups, gate);
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
    public DeviceOps ops() {
        VendorOps.Instance<?> made = vendor;
        if (made == null) {
            throw new IllegalStateException(uuid + " is not a device of its vendor");
        }
        return made.device();
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
            case NEW, ADDED -> "creating";
            case ACTIVE -> "active";
            case REMOVING -> "removing";
        };
    }

    private String owner() {
        return type.parent().module().owner().symbolicName();
    }

    private MdevCore core() {
        return type.parent().core();
    }
}
