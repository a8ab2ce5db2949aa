package mdev.core;

import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import mdev.api.ParentDevice;
import mdev.api.ParentOps;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.state.DeviceState;
import mdev.api.sysfs.AttributeGroup;
import mdev.api.vfio.DeviceOps;
import mdev.core.device.PciBus;
import mdev.core.device.Subsystem;
import mdev.core.device.SubsystemDevice;
import mdev.core.slot.Gate;
import mdev.core.sysfs.AttributePlaces;
import mdev.core.sysfs.Contents;
import mdev.core.sysfs.Directory;
import mdev.core.sysfs.Names;
import mdev.sync.Deadline;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A registered parent: {@code struct mdev_parent}, with {@code mdev_register_device()} and {@code
 * mdev_unregister_device()}.
 */
public final class Parent extends SubsystemDevice {
    private static final Logger log = LoggerFactory.getLogger(Parent.class);
    private static final String TYPES = "mdev_supported_types";
    private static final Set<String> OWN_NAMES = Set.of("power", "subsystem", "uevent", TYPES);

    private final MdevCore core;
    private final Module module;
    private final ParentDevice device;
    private final Directory types;

    /**
     * Invariant 2: contains the creates, removes and attribute calls of this parent; {@link #unregister} shuts it and
     * waits for them ({@code unreg_sem}).
     */
    private final Gate gate;

    /** The vendor's half; replaced when the vendor is updated. */
    private volatile Vendor vendor;

    private volatile AttributePlaces places = AttributePlaces.NONE;

    /** The settings that the vendor has saved for its next version; null if it has none. */
    private volatile @Nullable DeviceState settings;

    /** Whether the vendor is being updated and has not registered the parent again; guarded by the update's monitor. */
    private boolean suspended;

    /** Whether unregistration has begun: no further device becomes visible; guarded by the tree's change. */
    private boolean sealed;

    /** What the vendor has registered; validated. */
    private record Vendor(VendorOps<?> ops, List<SupportedType.Draft> types, List<AttributeGroup> groups) {
        static <D extends DeviceOps> Vendor of(Module module, ParentDevice device, ParentOps<D> vendor)
                throws ErrnoException {
            VendorOps<D> ops = new VendorOps<>(module.owner(), device.name(), vendor);
            List<SupportedType.Draft> types = SupportedType.Draft.of(device, module.owner(), ops.supportedTypes());
            List<AttributeGroup> groups = ops.deviceAttributeGroups();
            Names.groups(device.name(), groups, ownNames(device));
            return new Vendor(ops, types, groups);
        }

        private static Set<String> ownNames(ParentDevice device) {
            Set<String> names = new HashSet<>(OWN_NAMES);
            device.pci().ifPresent(_ -> names.addAll(PciBus.ENTRIES));
            return names;
        }
    }

    /** Called inside a change of the tree. */
    private Parent(MdevCore core, Module module, Subsystem subsystem, ParentDevice device, Vendor vendor) {
        super(subsystem, device.name(), core.uevents());
        this.core = core;
        this.module = module;
        this.device = device;
        this.vendor = vendor;
        this.gate = new Gate(module.owner(), "parent", device.name());
        this.types = new Directory(this, TYPES);
    }

    /**
     * {@code mdev_register_device()}; pairs with {@link #unregister}.
     *
     * @throws ErrnoException as documented by {@link mdev.api.ParentRegistry#registerDevice}
     */
    static <D extends DeviceOps> Parent register(MdevCore core, Module module, ParentDevice device, ParentOps<D> vendor)
            throws ErrnoException {
        Names.check("a class", device.className());
        Names.check("a parent", device.name());
        Vendor half = Vendor.of(module, device, vendor);

        Parent parent;
        try (var _ = core.tree().change()) {
            if (core.parentsByName().containsKey(device.name())) {
                throw new ErrnoException(Errno.EEXIST, "parent " + device.name() + " already exists");
            }
            parent = new Parent(core, module, core.subsystem(device), device, half);
            parent.add(parent.types);
            for (SupportedType.Draft draft : half.types()) {
                parent.types.add(new SupportedType(parent, parent.types, draft));
            }
            parent.appear();
            core.classes().parents().link(device.name(), parent);
            core.parentsByName().put(device.name(), parent);
            parent.uevent("change", Map.of("MDEV_STATE", "registered"));
            parent.bound();
        }
        log.info("{}: registered by {}", device.name(), module.owner().symbolicName());
        return parent;
    }

    /** Calls the vendor, which is then updated. */
    void saveSettings() throws ErrnoException {
        settings = vendor.ops().saveSettings().orElse(null);
    }

    /**
     * Called instead of {@link #register} while the vendor is updated: replaces its half.
     *
     * @throws ErrnoException as for {@link #register}; EINVAL: a type that has devices is missing or has another
     *     device_api, or the settings cannot be restored
     */
    <D extends DeviceOps> void adopt(ParentOps<D> ops) throws ErrnoException {
        Vendor half = Vendor.of(module, device, ops);
        DeviceState saved = settings;
        if (saved != null) {
            half.ops().restoreSettings(saved);
        }
        try (var _ = tree().change()) {
            Map<String, SupportedType.Draft> drafts = new LinkedHashMap<>();
            half.types().forEach(draft -> drafts.put(draft.id(), draft));
            for (SupportedType type : types()) {
                SupportedType.Draft draft = drafts.get(type.id());
                if (!type.devices().children().isEmpty()
                        && (draft == null || !draft.deviceApi().equals(type.deviceApi()))) {
                    throw new ErrnoException(
                            Errno.EINVAL,
                            "type " + type.id() + " has devices, and the new version of "
                                    + module.owner().symbolicName()
                                    + (draft == null ? " lacks it" : " has another device_api for it"));
                }
            }
            boolean changed = redescribe(() -> {
                places = places.updated(vendor.groups(), half.groups());
                vendor = half;
            });
            for (SupportedType type : types()) {
                SupportedType.Draft draft = drafts.remove(type.id());
                if (draft == null) {
                    types.remove(type.name());
                    changed = true;
                } else {
                    type.adopt(draft);
                }
            }
            for (SupportedType.Draft draft : drafts.values()) {
                types.add(new SupportedType(this, types, draft));
                changed = true;
            }
            if (changed) {
                uevent("change", Map.of("MDEV_STATE", "registered"));
            }
        }
    }

    /** Called with the update's monitor held, as are the next two. */
    void suspend() {
        suspended = true;
    }

    void adopted() {
        suspended = false;
    }

    boolean isSuspended() {
        return suspended;
    }

    /**
     * Closes the registration for the vendor; does nothing while the vendor is updated, and after another version has
     * taken its place.
     */
    Consumer<Deadline> registration() {
        Vendor registered = vendor;
        return deadline -> {
            if (registered.equals(vendor) && !module.isUpdating(this)) {
                unregister(deadline);
            }
        };
    }

    /**
     * {@code mdev_unregister_device()}: from the beginning it admits no create or remove. It waits until the deadline
     * for the running ones and for the removals of the devices; any that have not ended by then finish on their own
     * while the parent is removed.
     */
    void unregister(Deadline deadline) {
        gate.shut();
        List<MdevDevice> devices;
        try (var _ = tree().change()) {
            if (sealed) {
                return; // an update that has failed both ways was first
            }
            sealed = true;
            core.classes().parents().remove(name());
            // All in one step: a vendor that delays the first must not keep the others on the bus.
            devices = devices().stream().filter(MdevDevice::retireAlways).toList();
        }
        core.calls().each("removal of the devices of " + name(), devices, _ -> this, MdevDevice::tearDown);
        for (MdevDevice each : devices) {
            each.awaitGone(deadline);
        }
        if (!gate.awaitQuiet(deadline)) {
            gate.logInside(
                    log::error, module.owner() + ": parent " + name() + " is unregistered while a call is inside: ");
        }
        core.devices().stream()
                .filter(left -> left.supportedType().parent().equals(this))
                .forEach(MdevDevice::leaveBehind);
        try (var _ = tree().change()) {
            remove(TYPES);
            uevent("change", Map.of("MDEV_STATE", "unregistered"));
            core.parentsByName().remove(name());
            disappear();
        }
        log.info("{}: unregistered", name());
    }

    private List<MdevDevice> devices() {
        return children().stream()
                .filter(MdevDevice.class::isInstance)
                .map(MdevDevice.class::cast)
                .toList();
    }

    /** The types in the order of their ids. */
    public List<SupportedType> types() {
        return types.children().stream().map(SupportedType.class::cast).toList();
    }

    boolean sealed() {
        return sealed;
    }

    Gate gate() {
        return gate;
    }

    MdevCore core() {
        return core;
    }

    VendorOps<?> ops() {
        return vendor.ops();
    }

    public Module module() {
        return module;
    }

    ParentDevice device() {
        return device;
    }

    @Override
    protected void contents(Contents contents) {
        super.contents(contents);
        gate.describe(contents, places, () -> vendor.groups());
    }
}
