package mdev.core.bus;

import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import mdev.api.MdevDriver;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.sysfs.Attribute;
import mdev.core.device.Kobject;
import mdev.core.device.Owner;
import mdev.core.sync.Deadline;
import mdev.core.sync.Gate;
import mdev.core.sync.Workers;
import mdev.core.sysfs.Contents;
import mdev.core.sysfs.Directory;
import mdev.core.sysfs.Link;
import mdev.core.sysfs.Text;
import mdev.core.uevent.Uevents;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A driver on the bus, and {@code /sys/bus/mdev/drivers/<name>}. */
public final class BusDriver extends Kobject {
    private static final Logger log = LoggerFactory.getLogger(BusDriver.class);

    private final MdevBus bus;
    private final Owner owner;
    private final Directory module;
    private final MdevDriver ops;

    /** Inside is every device from before its probe until after its remove; shut when the driver is unregistered. */
    private final Gate gate = new Gate();

    BusDriver(
            MdevBus bus,
            Directory holder,
            String name,
            Owner owner,
            Directory module,
            MdevDriver ops,
            Uevents uevents) {
        super(holder, name, uevents);
        this.bus = bus;
        this.owner = owner;
        this.module = module;
        this.ops = ops;
    }

    @Override
    protected String subsystem() {
        return "drivers";
    }

    @Override
    protected void contents(Contents contents) {
        contents.file(Attribute.writeOnly("bind", this::bind));
        contents.file(Attribute.writeOnly("unbind", this::unbind));
        contents.file(ueventTrigger());
        contents.link("module", module);
    }

    /** {@code bind_store()}. */
    private void bind(String value) throws ErrnoException {
        BusDevice device = bus.find(Text.name(value));
        if (device == null
                || device.driver().isPresent()
                || !attach(device, bus.deadline())
                || !equals(device.binding().driver())) { // another driver may have been faster
            throw new ErrnoException(
                    Errno.ENODEV, "no device " + Text.name(value) + " that " + name() + " can be bound to");
        }
    }

    /** {@code unbind_store()}. */
    private void unbind(String value) throws ErrnoException {
        BusDevice device = bus.find(Text.name(value));
        if (device == null || !equals(device.binding().driver())) {
            throw new ErrnoException(Errno.ENODEV, "no device " + Text.name(value) + " is bound to " + name());
        }
        CountDownLatch unbound = bus.workers().one(device, this::unbind);
        try {
            if (!bus.deadline().await(unbound)) {
                reportHeld(device);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new ErrnoException(Errno.EINTR, "interrupted; the unbinding of " + device.name() + " goes on");
        }
    }

    private void reportHeld(BusDevice device) {
        log.error("{}: driver {} did not let go of {} in time", owner.symbolicName(), name(), device.name());
    }

    private void unbind(BusDevice device) {
        if (device.binding().beginUnbind(this)) {
            detach(device);
        }
    }

    /**
     * {@code really_probe()}, with {@code mdev_probe()} inside.
     *
     * @param deadline how long to wait for another driver that is just coming to the device or leaving it
     * @return whether the device is with this driver now, or no driver can have it
     */
    boolean attach(BusDevice device, Deadline deadline) {
        if (!gate.tryEnter()) { // exits when the device is released
            return false;
        }
        if (!device.binding().beginProbe(this, deadline)) {
            gate.exit();
            return true;
        }
        try (var _ = tree().change()) {
            IommuGroup group = bus.groups().allocate(device); // freed in release()
            device.binding().group(group);
            device.link("iommu_group", group);
            device.link("driver", this);
            link(device.name(), device);
        }
        if (!probe(device)) {
            try (var _ = tree().change()) {
                unlink(device);
                release(device);
                device.binding().endProbe(false);
            }
            gate.exit();
            return false;
        }
        try (var _ = tree().change()) {
            device.binding().endProbe(true);
            device.uevent("bind");
        }
        if (gate.isShut()) {
            // unregister() may have listed the devices before this one was linked.
            CountDownLatch unbound = bus.workers().one(device, this::unbind);
            if (!bus.deadline().awaitUninterruptibly(unbound)) {
                reportHeld(device);
            }
        }
        return true;
    }

    private boolean probe(BusDevice device) {
        try {
            return owner.call("probe of " + device.name(), () -> {
                try {
                    ops.probe(device);
                    return true;
                } catch (ErrnoException e) {
                    log.warn("{}: no probe of {}: {}", name(), device.name(), e.toString());
                    return false;
                }
            });
        } catch (ErrnoException e) {
            return false; // logged already, as a fault
        }
    }

    /** {@code __device_release_driver()}, with {@code mdev_remove()} inside; the caller has claimed the device. */
    void detach(BusDevice device) {
        try (var _ = tree().change()) {
            unlink(device);
        }
        try {
            owner.run("remove of " + device.name(), () -> ops.remove(device, bus.patience()));
        } catch (ErrnoException e) {
            log.debug("{} lets go of {} all the same", name(), device.name());
        }
        awaitQuiet(device);
        try (var _ = tree().change()) {
            release(device);
            device.binding().endUnbind();
            device.uevent("unbind");
        }
        gate.exit();
    }

    /** Asked also of a driver whose remove failed: the vendor's call may still be inside. */
    private void awaitQuiet(BusDevice device) {
        String what = "quiesced of " + device.name();
        try {
            CompletableFuture<Void> quiet =
                    owner.call(what, () -> ops.quiesced(device).toCompletableFuture());
            // A stage that fails says no more than that: the device must not wait for it for ever.
            CompletableFuture<Void> over = quiet.handle((_, failure) -> {
                if (failure != null) {
                    log.error("{}: {} failed", owner.symbolicName(), what, failure);
                }
                return null;
            });
            if (!over.isDone()) {
                log.warn("{}: a call into the vendor of {} has not come back", name(), device.name());
                device.quietWhen(over);
            }
        } catch (ErrnoException e) {
            log.debug("{} does not say whether the vendor of {} is quiet", name(), device.name());
        }
    }

    /** {@code driver_sysfs_remove()}. */
    private void unlink(BusDevice device) {
        device.remove("driver");
        remove(device.name());
    }

    private void release(BusDevice device) {
        IommuGroup group = device.binding().group();
        if (group != null) {
            device.remove("iommu_group");
            device.binding().group(null);
            bus.groups().free(group);
        }
    }

    /** {@code mdev_unregister_driver()}: lets go of every device, in parallel, and goes. */
    public void unregister(Workers workers, Deadline deadline) {
        gate.shut();
        bus.withdraw(this);
        // By parent: a vendor that holds up all its devices must not keep another's bound.
        CountDownLatch unbound = workers.each(devices(), BusDevice::parent, this::unbind);
        if (!deadline.awaitUninterruptibly(unbound) || !gate.awaitEmpty(deadline)) {
            log.error("{}: driver {} did not let go of all devices in time", owner.symbolicName(), name());
        }
        bus.remove(this);
    }

    /** The devices that are bound to this driver. */
    public List<BusDevice> devices() {
        return children().stream()
                .filter(node -> node instanceof Link link && link.destination() instanceof BusDevice)
                .map(node -> (BusDevice) ((Link) node).destination())
                .toList();
    }

    /** Who uses the device. */
    public Optional<String> user(BusDevice device) {
        try {
            return owner.call("user of " + device.name(), () -> Objects.requireNonNull(ops.user(device)));
        } catch (ErrnoException e) {
            return Optional.empty();
        }
    }

    public Owner owner() {
        return owner;
    }
}
