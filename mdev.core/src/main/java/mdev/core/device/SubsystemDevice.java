package mdev.core.device;

import java.util.Map;
import mdev.api.errno.ErrnoException;
import mdev.core.sysfs.Contents;
import mdev.core.sysfs.Directory;
import mdev.core.uevent.Uevents;

/** A device of a class or of a bus. */
public abstract class SubsystemDevice extends Device {
    private final Subsystem subsystem;

    /** Inside a change of the tree, as the subsystem may be a new one. */
    protected SubsystemDevice(Subsystem subsystem, String name, Uevents uevents) {
        super(subsystem.place(), name, uevents);
        this.subsystem = subsystem;
    }

    /**
     * {@code device_add()}, inside a change of the tree.
     *
     * @throws ErrnoException EEXIST
     */
    protected final void appear() throws ErrnoException {
        subsystem.add(this);
    }

    /** Called after the device has been registered as a parent, inside a change of the tree. */
    protected final void bound() {
        subsystem.bound(this);
    }

    /** {@code device_del()}, inside a change of the tree. */
    protected final void disappear() {
        subsystem.remove(this);
    }

    @Override
    protected final Directory subsystemDirectory() {
        return subsystem.directory();
    }

    @Override
    protected final String subsystem() {
        return subsystem.name();
    }

    @Override
    protected Map<String, String> environment() {
        return subsystem.deviceEnvironment();
    }

    @Override
    protected void contents(Contents contents) {
        super.contents(contents);
        subsystem.deviceContents(contents);
    }
}
