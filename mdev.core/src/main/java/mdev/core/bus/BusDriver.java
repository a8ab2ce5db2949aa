package mdev.core.bus;

import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import mdev.api.MdevDriver;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.sysfs.Attribute;
import mdev.core.device.Kobject;
import mdev.core.slot.ForeignBundle;
import mdev.core.slot.Gate;
import mdev.core.sysfs.Contents;
import mdev.core.sysfs.Directory;
import mdev.core.sysfs.Link;
import mdev.core.sysfs.Text;
import mdev.core.uevent.Uevents;
import mdev.sync.BoundedCalls;
import mdev.sync.Deadline;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A driver on the bus, and {@code /sys/bus/mdev/drivers/<name>}. */
public final class BusDriver extends Kobject {
    private static final Logger log = LoggerFactory.getLogger(BusDriver.class);

    /** The errnos of a probe with which a create fails. */
    private static final Set<Errno> SHORTAGES = Set.of(Errno.EMFILE, Errno.ENFILE);

    private final MdevBus bus;
    private final ForeignBundle owner;
    private final Directory module;
    private final MdevDriver ops;

    /**
     * Contains the calls of the driver, and every device from before its probe until after its remove; shut when the
     * driver is unregistered.
     */
    private final Gate gate;

    BusDriver(
            MdevBus bus,
            Directory holder,
            String name,
            ForeignBundle owner,
            Directory module,
            MdevDriver ops,
            Uevents uevents) {
        super(holder, name, uevents);
        this.bus = bus;
        this.owner = owner;
        this.module = module;
        this.ops = ops;
        this.gate = new Gate(owner, "driver", name);
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
        String name = Text.name(value);
        BusDevice device = bus.find(name);
        Binding.Result result =
                device == null || device.driver().isPresent() ? Binding.Result.TAKEN : attach(device, bus.deadline());
        switch (result) {
            case BOUND -> {}
            case BUSY ->
                throw new ErrnoException(Errno.EBUSY, "device " + name + " is still in use; see the log for the calls");
            case TAKEN, REFUSED ->
                throw new ErrnoException(Errno.ENODEV, "no device " + name + " to which " + name() + " can be bound");
        }
    }

    /** {@code unbind_store()}. */
    private void unbind(String value) throws ErrnoException {
        BusDevice device = bus.find(Text.name(value));
        if (device == null || !equals(device.binding().driver())) {
            throw new ErrnoException(Errno.ENODEV, "no device " + Text.name(value) + " is bound to " + name());
        }
        Deadline deadline = bus.deadline();
        AtomicBoolean busy = new AtomicBoolean();
        BoundedCalls.Call unbind =
                bus.calls().tryStart("unbind of " + device.name(), () -> busy.set(!unbind(device, deadline)));
        if (unbind == null) {
            throw new ErrnoException(Errno.EAGAIN, "no thread can be started to unbind " + device.name());
        }
        try {
            if (!unbind.await(deadline)) {
                reportHeld(device, unbind);
            } else if (busy.get()) {
                throw new ErrnoException(Errno.EBUSY, "device " + device.name() + " is still being probed");
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new ErrnoException(Errno.EINTR, "interrupted; the unbinding of " + device.name() + " continues");
        }
    }

    private void reportHeld(BusDevice device, BoundedCalls.Call unbind) {
        log.error("{}: driver {} has not released {} in time", owner, name(), device.name(), unbind.stack());
    }

    /** @return false if another call of the driver for the device has not returned by the deadline */
    private boolean unbind(BusDevice device, Deadline deadline) {
        if (device.binding().beginUnbind(this, deadline)) {
            detach(device);
            return true;
        }
        return !device.binding().isChanging();
    }

    /**
     * {@code really_probe()}, with {@code mdev_probe()} inside. A device is not probed while its slot is not quiet.
     *
     * @param deadline the deadline for another driver's bind or unbind in progress, and for the slot
     */
    Binding.Result attach(BusDevice device, Deadline deadline) {
        if (!gate.tryHold()) { // unhold() when the device is unbound
            return Binding.Result.REFUSED;
        }
        if (!device.binding().beginProbe(this, deadline)) {
            gate.unhold();
            if (!device.binding().isChanging()) {
                return Binding.Result.TAKEN;
            }
            log.warn("{}: {} is not bound: a call of its driver has not returned", name(), device.name());
            return Binding.Result.BUSY;
        }
        if (!device.slot().awaitQuiet(deadline)) {
            device.slot()
                    .logInside(
                            log::warn,
                            name() + ": " + device.name()
                                    + " is not bound while it is in use; write it to drivers_probe later; inside: ");
            device.binding().unbind();
            unbound(device);
            return Binding.Result.BUSY;
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
                device.binding().unbind();
            }
            unbound(device);
            return Binding.Result.REFUSED;
        }
        boolean dead;
        try (var _ = tree().change()) {
            dead = device.binding().endProbe();
            device.uevent("bind");
        }
        if (dead) {
            detach(device);
        } else if (gate.isShut()) {
            // unregister() may have listed the devices before this one was linked.
            Deadline unbound = bus.deadline();
            BoundedCalls.Call unbind = bus.calls().start("unbind of " + device.name(), () -> unbind(device, unbound));
            if (!unbind.awaitUninterruptibly(unbound)) {
                reportHeld(device, unbind);
            }
        }
        return Binding.Result.BOUND;
    }

    /** Called after {@link Binding#unbind}, outside its change of the tree. */
    private void unbound(BusDevice device) {
        gate.unhold();
        device.binding().finish();
    }

    private boolean probe(BusDevice device) {
        try (Gate.Entry _ = gate.enterAnyway("probe of " + device.name())) {
            return owner.call("probe of " + device.name(), () -> {
                try {
                    ops.probe(device);
                    return true;
                } catch (ErrnoException e) {
                    log.warn("{}: probe of {} failed: {}", name(), device.name(), e.toString());
                    if (SHORTAGES.contains(e.errno())) {
                        device.binding().shortage(e);
                    }
                    return false;
                }
            });
        } catch (ErrnoException e) {
            return false; // already logged as a fault
        }
    }

    /** {@code __device_release_driver()}, with {@code mdev_remove()} inside; the caller has claimed the device. */
    void detach(BusDevice device) {
        try (var _ = tree().change()) {
            unlink(device);
        }
        try (Gate.Entry _ = gate.enterAnyway("remove of " + device.name())) {
            owner.run("remove of " + device.name(), () -> ops.remove(device, bus.gracePeriod()));
        } catch (ErrnoException e) {
            log.debug("{} is unbound from {} regardless", device.name(), name());
        }
        if (!device.slot().awaitVacant(Duration.ZERO)) {
            device.slot()
                    .logInside(log::warn, name() + ": " + device.name() + " is unbound while it is in use; inside: ");
        }
        try (var _ = tree().change()) {
            release(device);
            device.binding().unbind();
            device.uevent("unbind");
        }
        unbound(device);
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

    /** {@code mdev_unregister_driver()}: every device is unbound, in parallel. */
    public void unregister(Deadline deadline) {
        gate.shut();
        bus.withdraw(this);
        // By parent: a vendor that delays all its devices must not delay those of another vendor.
        CountDownLatch unbound = bus.calls()
                .each("unbind from " + name(), devices(), BusDevice::parent, device -> unbind(device, deadline));
        if (!deadline.awaitUninterruptibly(unbound) || !gate.awaitQuiet(deadline)) {
            gate.logInside(log::error, owner + ": driver " + name() + " has not released all devices in time: ");
        }
        bus.remove(this);
    }

    /** The devices bound to this driver. */
    public List<BusDevice> devices() {
        return children().stream()
                .filter(node -> node instanceof Link link && link.destination() instanceof BusDevice)
                .map(node -> (BusDevice) ((Link) node).destination())
                .toList();
    }

    /** The user of the device. */
    public Optional<String> user(BusDevice device) {
        try {
            return owner.answer("user of " + device.name(), () -> ops.user(device));
        } catch (ErrnoException e) {
            return Optional.empty();
        }
    }

    public ForeignBundle owner() {
        return owner;
    }
}
