package mdev.core.device;

import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import mdev.api.ClassDevice;
import mdev.api.errno.ErrnoException;
import mdev.core.slot.ForeignBundle;
import mdev.core.slot.Gate;
import mdev.core.sysfs.Contents;
import mdev.core.sysfs.Names;
import mdev.core.uevent.Uevents;
import mdev.sync.Deadline;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A {@link ClassDevice} in the tree. */
public final class ShownDevice extends SubsystemDevice {
    private static final Logger log = LoggerFactory.getLogger(ShownDevice.class);

    private final ForeignBundle owner;
    private final ClassDevice device;
    private final Gate gate;

    private ShownDevice(DeviceClass deviceClass, ForeignBundle owner, ClassDevice device, Uevents uevents) {
        super(deviceClass, device.name(), uevents);
        this.owner = owner;
        this.device = device;
        this.gate = new Gate(owner, "device", device.name());
    }

    /**
     * {@code device_create()}; pairs with {@link #destroy}.
     *
     * @throws ErrnoException EEXIST, EINVAL
     */
    public static ShownDevice create(Classes classes, ForeignBundle owner, ClassDevice device, Uevents uevents)
            throws ErrnoException {
        Names.check("a class", device.className());
        Names.check("a device of class " + device.className(), device.name());
        Names.groups(device.name(), device.groups(), new HashSet<>(Set.of("power", "subsystem", "uevent")));
        try (var _ = classes.virtual().tree().change()) {
            ShownDevice shown = new ShownDevice(classes.obtain(device.className()), owner, device, uevents);
            shown.appear();
            return shown;
        }
    }

    /** {@code device_destroy()}. */
    public void destroy(Deadline deadline) {
        gate.shut();
        try (var _ = tree().change()) {
            disappear();
        }
        if (!gate.awaitQuiet(deadline)) {
            gate.logInside(log::error, owner + ": device " + name() + " is destroyed while a call is inside: ");
        }
    }

    @Override
    protected Map<String, String> environment() {
        return device.uevent();
    }

    @Override
    protected void contents(Contents contents) {
        super.contents(contents);
        gate.describe(contents, () -> device.groups());
    }
}
