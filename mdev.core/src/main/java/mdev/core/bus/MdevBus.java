package mdev.core.bus;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Supplier;
import mdev.api.MdevDriver;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.sysfs.Attribute;
import mdev.api.sysfs.SysfsNode;
import mdev.core.device.Kobject;
import mdev.core.slot.ForeignBundle;
import mdev.core.sysfs.Contents;
import mdev.core.sysfs.Directory;
import mdev.core.sysfs.Link;
import mdev.core.sysfs.Names;
import mdev.core.sysfs.Text;
import mdev.core.sysfs.Tree;
import mdev.core.uevent.Uevents;
import mdev.sync.BoundedCalls;
import mdev.sync.Deadline;
import org.jspecify.annotations.Nullable;

/**
 * {@code /sys/bus/mdev}: {@code mdev_bus_type} and the parts of the driver core that it needs. Every driver matches
 * every device.
 *
 * <p>A device and a driver that are added concurrently cannot miss each other: each is added to its own list before it
 * checks the other list. Both may find each other, because {@link Binding} admits only one probe.
 */
public final class MdevBus extends Kobject {
    private final Directory devices;
    private final Directory driverDirectory;
    private final IommuGroups groups;
    private final BoundedCalls calls;
    private final Supplier<Deadline> deadline;
    private final Supplier<Duration> gracePeriod;

    /** In the order of registration, in which they are tried; changed together with {@link #driverDirectory}. */
    private final List<BusDriver> drivers = new CopyOnWriteArrayList<>();

    private volatile boolean autoprobe = true;

    /**
     * @param buses {@code /sys/bus}
     * @param kernel {@code /sys/kernel}
     * @param deadline supplies the deadline for a caller's wait for drivers
     * @param gracePeriod the time for a driver to release a device
     */
    public MdevBus(
            Directory buses,
            Directory kernel,
            Uevents uevents,
            BoundedCalls calls,
            Supplier<Deadline> deadline,
            Supplier<Duration> gracePeriod) {
        super(buses, "mdev", uevents);
        this.devices = new Directory(this, "devices");
        this.driverDirectory = new Directory(this, "drivers");
        this.groups = new IommuGroups(kernel);
        this.calls = calls;
        this.deadline = deadline;
        this.gracePeriod = gracePeriod;
        try (var _ = tree().change()) {
            kernel.add(groups);
            buses.add(this);
            add(devices);
            add(driverDirectory);
            uevent("add");
        }
    }

    @Override
    protected String subsystem() {
        return "bus";
    }

    @Override
    protected void contents(Contents contents) {
        contents.file(Attribute.readWrite(
                "drivers_autoprobe", () -> autoprobe ? "1\n" : "0\n", value -> autoprobe = value.charAt(0) != '0'));
        contents.file(Attribute.writeOnly("drivers_probe", this::rescan));
        contents.file(ueventTrigger());
    }

    /** {@code drivers_probe_store()}. */
    private void rescan(String value) throws ErrnoException {
        BusDevice device = find(Text.name(value));
        if (device == null) {
            throw new ErrnoException(Errno.ENODEV, "no device " + Text.name(value) + " on bus mdev");
        }
        attach(device);
    }

    /** Adds a device to the bus, inside the change that makes it visible. */
    public void add(BusDevice device) {
        devices.link(device.name(), device);
    }

    /**
     * {@code bus_probe_device()}.
     *
     * @throws ErrnoException EMFILE, ENFILE: a driver is short of resources, and the device is unbound
     */
    public void probe(BusDevice device) throws ErrnoException {
        if (autoprobe) {
            attach(device);
        }
        ErrnoException shortage = device.binding().shortage();
        if (shortage != null) {
            throw shortage;
        }
    }

    /** {@code device_attach()}: the first driver that accepts the device keeps it. */
    private void attach(BusDevice device) {
        for (BusDriver driver : drivers) {
            if (driver.attach(device, deadline()) != Binding.Result.REFUSED) {
                return;
            }
        }
    }

    /** Takes a device off the bus, inside the change that begins its removal: afterwards it cannot be found. */
    public void remove(BusDevice device) {
        devices.remove(device.name());
    }

    /**
     * The rest of {@code bus_remove_device()}: unbinds the driver and prevents further binding.
     *
     * @param then runs once, when the device is unbound: before this returns, or on the thread of a driver call that is
     *     still running
     */
    public void release(BusDevice device, Runnable then) {
        BusDriver driver = device.binding().die(then);
        if (driver == null) {
            device.binding().finish();
        } else {
            driver.detach(device);
        }
    }

    /**
     * {@code mdev_register_driver()}; pairs with {@link BusDriver#unregister}.
     *
     * @param module the target of the driver's {@code module} link
     * @throws ErrnoException EBUSY: the name is in use; EINVAL: the name is not a valid file name
     */
    public BusDriver register(ForeignBundle owner, Directory module, MdevDriver ops, Deadline deadline)
            throws ErrnoException {
        String name = Names.check("a driver", owner.answer("name of the driver", ops::name));
        BusDriver driver = new BusDriver(this, driverDirectory, name, owner, module, ops, uevents());
        try (var _ = tree().change()) {
            if (driverDirectory.child(name) != null) {
                throw new ErrnoException(Errno.EBUSY, "driver " + name + " already exists on bus mdev");
            }
            driverDirectory.add(driver);
            drivers.add(driver);
        }
        if (autoprobe) {
            for (SysfsNode link : devices.children()) {
                driver.attach((BusDevice) ((Link) link).destination(), deadline);
            }
        }
        // After the devices' bind events, as driver_register() does.
        try (var _ = tree().change()) {
            driver.uevent("add");
        }
        return driver;
    }

    /** Offers no further device to the driver. */
    void withdraw(BusDriver driver) {
        drivers.remove(driver);
    }

    void remove(BusDriver driver) {
        try (var _ = tree().change()) {
            driver.uevent("remove");
            driverDirectory.remove(driver.name());
        }
    }

    /** Removes the whole bus from the tree, after the last driver and the last parent. */
    public void close() {
        Tree tree = tree();
        try (var _ = tree.change()) {
            uevent("remove");
            holder().remove(name());
        }
    }

    /** The device with the given name, or {@code null}. */
    @Nullable
    BusDevice find(String name) {
        return devices.child(name) instanceof Link link ? (BusDevice) link.destination() : null;
    }

    /** The drivers in the order of registration. */
    public List<BusDriver> drivers() {
        return List.copyOf(drivers);
    }

    IommuGroups groups() {
        return groups;
    }

    BoundedCalls calls() {
        return calls;
    }

    Deadline deadline() {
        return deadline.get();
    }

    Duration gracePeriod() {
        return gracePeriod.get();
    }
}
