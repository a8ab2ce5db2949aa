package mdev.core.device;

import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.core.sysfs.Directory;
import mdev.core.uevent.Uevents;

/**
 * {@code /sys/class/<name>}, with the directory of its devices, {@code /sys/devices/virtual/<name>}. All methods are
 * called inside a change of the tree.
 */
public final class DeviceClass extends Kobject implements Subsystem {
    private final Classes classes;
    private final Directory glue;
    private boolean created;
    private int devices;

    DeviceClass(Classes classes, Directory holder, Directory virtual, String name, Uevents uevents) {
        super(holder, name, uevents);
        this.classes = classes;
        this.glue = new Directory(virtual, name);
    }

    @Override
    public Directory directory() {
        return this;
    }

    @Override
    public Directory place() {
        return glue;
    }

    boolean created() {
        return created;
    }

    void created(boolean now) {
        created = now;
        classes.dropUnused(this);
    }

    boolean used() {
        return created || devices > 0;
    }

    @Override
    public void add(SubsystemDevice device) throws ErrnoException {
        if (glue.child(device.name()) != null) {
            throw new ErrnoException(Errno.EEXIST, "class " + name() + " has a device " + device.name() + " already");
        }
        if (devices++ == 0) {
            classes.virtual().add(glue);
        }
        glue.add(device);
        link(device.name(), device);
        device.uevent("add");
    }

    @Override
    public void remove(SubsystemDevice device) {
        remove(device.name());
        device.uevent("remove");
        glue.remove(device.name());
        if (--devices == 0) {
            classes.virtual().remove(name());
        }
        classes.dropUnused(this);
    }

    @Override
    protected String subsystem() {
        return "class";
    }
}
