package mdev.core.device;

import mdev.core.sysfs.Contents;
import mdev.core.sysfs.Directory;
import mdev.core.uevent.Uevents;

/** The entries common to all devices: {@code struct device}. */
public abstract class Device extends Kobject {
    private final Power power = new Power();

    protected Device(Directory holder, String name, Uevents uevents) {
        super(holder, name, uevents);
    }

    /** The target of the {@code subsystem} link: the bus or the class. */
    protected abstract Directory subsystemDirectory();

    @Override
    protected void contents(Contents contents) {
        contents.file(ueventFile());
        contents.link("subsystem", subsystemDirectory());
        contents.directory("power", power::contents);
    }
}
