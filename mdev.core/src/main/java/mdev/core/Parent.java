package mdev.core;

import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import mdev.api.ParentDevice;
import mdev.api.ParentOps;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.sysfs.AttributeGroup;
import mdev.api.vfio.DeviceOps;
import mdev.core.device.DeviceClass;
import mdev.core.device.VirtualDevice;
import mdev.core.slot.Gate;
import mdev.core.sysfs.Contents;
import mdev.core.sysfs.Directory;
import mdev.core.sysfs.Names;
import mdev.sync.Deadline;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A registered parent: {@code struct mdev_parent}, with {@code mdev_register_device()} and {@code
 * mdev_unregister_device()}.
 */
public final class Parent extends VirtualDevice {
    private static final Logger log = LoggerFactory.getLogger(Parent.class);
    private static final String TYPES = "mdev_supported_types";
    private static final Set<String> OWN_NAMES = Set.of("power", "subsystem", "uevent", TYPES);

    private final MdevCore core;
    private final Module module;
    private final ParentDevice device;
    private final VendorOps<?> ops;
    private final List<AttributeGroup> groups;
    private final Directory types;

    /**
     * Invariant 2: contains the creates, removes and attribute calls of this parent; {@link #unregister} shuts it and
     * waits for them ({@code unreg_sem}).
     */
    private final Gate gate;

    /** Whether unregistration has begun: no further device becomes visible; guarded by the tree's change. */
    private boolean sealed;

    /** Called inside a change of the tree. */
    private Parent(
            MdevCore core,
            Module module,
            DeviceClass deviceClass,
            ParentDevice device,
            VendorOps<?> ops,
            List<AttributeGroup> groups) {
        super(deviceClass, device.name(), core.uevents());
        this.core = core;
        this.module = module;
        this.device = device;
        this.ops = ops;
        this.groups = groups;
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
        VendorOps<D> ops = new VendorOps<>(module.owner(), device.name(), vendor);
        List<SupportedType.Draft> drafts = SupportedType.Draft.of(device, module.owner(), ops.supportedTypes());
        List<AttributeGroup> groups = ops.deviceAttributeGroups();
        Names.groups(device.name(), groups, new HashSet<>(OWN_NAMES));

        Parent parent;
        try (var _ = core.tree().change()) {
            if (core.parentsByName().containsKey(device.name())) {
                throw new ErrnoException(Errno.EEXIST, "parent " + device.name() + " already exists");
            }
            DeviceClass deviceClass = core.classes().obtain(device.className());
            parent = new Parent(core, module, deviceClass, device, ops, groups);
            parent.add(parent.types);
            for (SupportedType.Draft draft : drafts) {
                parent.types.add(new SupportedType(parent, parent.types, draft));
            }
            parent.appear();
            core.classes().parents().link(device.name(), parent);
            core.parentsByName().put(device.name(), parent);
            parent.uevent("change", Map.of("MDEV_STATE", "registered"));
        }
        log.info("{}: registered by {}", device.name(), module.owner().symbolicName());
        return parent;
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
            log.error(
                    "{}: parent {} is unregistered while a call is inside: {}",
                    module.owner(),
                    name(),
                    gate.inside(),
                    gate.stacks());
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
        return ops;
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
        gate.describe(contents, groups);
    }
}
