package mdev.core.device;

import mdev.api.errno.ErrnoException;
import mdev.core.sysfs.Directory;
import mdev.core.uevent.Uevents;

/** A device in {@code /sys/devices/virtual/<class>}. */
public abstract class VirtualDevice extends Device {
    private final DeviceClass deviceClass;

    /** Inside a change of the tree, as the class may be a new one. */
    protected VirtualDevice(DeviceClass deviceClass, String name, Uevents uevents) {
        super(deviceClass.glue(), name, uevents);
        this.deviceClass = deviceClass;
    }

    /**
     * {@code device_add()}, inside a change of the tree.
     *
     * @throws ErrnoException EEXIST
     */
    protected final void appear() throws ErrnoException {
        deviceClass.add(this);
    }

    /** {@code device_del()}, inside a change of the tree. */
    protected final void disappear() {
        deviceClass.remove(this);
    }

    @Override
    protected final Directory subsystemDirectory() {
        return deviceClass;
    }

    @Override
    protected final String subsystem() {
        return deviceClass.name();
    }
}
