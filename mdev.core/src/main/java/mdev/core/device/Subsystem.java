package mdev.core.device;

import java.util.Map;
import mdev.api.errno.ErrnoException;
import mdev.core.sysfs.Contents;
import mdev.core.sysfs.Directory;

/** What a device belongs to: a class or a bus. All methods are called inside a change of the tree. */
public sealed interface Subsystem permits DeviceClass, PciSlot {
    /** The SUBSYSTEM of its devices' uevents. */
    String name();

    /** The target of the {@code subsystem} link. */
    Directory directory();

    /** The directory that the device is in. */
    Directory place();

    /**
     * {@code device_add()}.
     *
     * @throws ErrnoException EEXIST
     */
    void add(SubsystemDevice device) throws ErrnoException;

    /** {@code driver_bound()}: the driver's probe has registered the parent. */
    default void bound(SubsystemDevice device) {}

    /** {@code device_del()}. */
    void remove(SubsystemDevice device);

    /** The keys that the subsystem adds to the device's uevents. */
    default Map<String, String> deviceEnvironment() {
        return Map.of();
    }

    /** The entries that the subsystem adds to the device. */
    default void deviceContents(Contents contents) {}
}
