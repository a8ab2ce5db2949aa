package mdev.api.state;

import mdev.api.errno.ErrnoException;
import mdev.api.vfio.VfioContext;
import org.osgi.annotation.versioning.ConsumerType;

/**
 * Implemented by a {@link mdev.api.vfio.DeviceOps} whose state can be saved and restored, so that its driver can be
 * updated while the device is in use, and the device be migrated to another platform.
 *
 * <p>An update calls, on the old object, {@link #stop}, {@link #save}, {@code release} if the device is open, and the
 * parent's {@code remove}; on the new one the parent's {@code create}, {@code open} if the device is open, {@link
 * #restore} and {@link #resume}. If the update fails before the old object has been released, the old object's {@link
 * #resume} follows instead.
 *
 * <p>A migration ({@link mdev.api.vfio.DeviceMigration}) calls {@link #stop} and {@link #save} on the source; on the
 * destination {@link #stop}, the {@link mdev.api.vfio.Reset} ioctl, {@link #restore} and {@link #resume}. A {@link
 * QuiescentDevice} has two calls more.
 *
 * <p>From {@link #stop} to {@link #resume} the framework delays or refuses the user's accesses. In a migration these
 * still arrive: accesses to the configuration space of a PCI device and to attributes, which must not start the
 * device; queries ({@link mdev.api.vfio.GetInfo} and its likes); and the {@link mdev.api.vfio.Reset} ioctl, after which
 * {@link #resume} follows. All calls of an update share one deadline, 3 s by default.
 *
 * <p>The user's memory mappings, interrupts and region memory ({@link VfioContext#regionMemory}) belong to the
 * framework and stay in place; they are not part of the state. Pinned pages and registered notifiers belong to the old
 * object, which unpins and unregisters them in {@code release}; the new object pins and registers its own.
 */
@ConsumerType
public interface StatefulDevice {
    /**
     * The version of the schema that {@link #save} writes, from 1. A bundle can declare the versions that {@link
     * #restore} reads, so that an update from another version is rejected before it stops the old bundle: {@code
     * Provide-Capability: mdev.device.state;reads:List<Long>="1,2"}.
     */
    default int stateVersion() {
        return 1;
    }

    /**
     * Stops the device: after this returns, it accesses no memory, raises no interrupt and changes no state by itself.
     * Operations in progress are completed or interrupted so that {@link #save} includes them.
     *
     * <p>If this call or {@link #save} returns after the deadline, the update has failed, and {@link #resume} follows
     * at once. Until then the device's users and its attributes get EAGAIN.
     *
     * @throws ErrnoException the device cannot be stopped; it continues to run
     */
    default void stop() throws ErrnoException {}

    /** Returns the state of the stopped device. The device does not change. */
    DeviceState save() throws ErrnoException;

    /**
     * Sets the state of a stopped device that is as after its creation or a reset. A driver reads the states that its
     * older versions have written ({@link DeviceState#version()}).
     *
     * @throws ErrnoException EINVAL: the state cannot be read by this version of the driver
     */
    void restore(DeviceState state) throws ErrnoException;

    /** Continues after {@link #stop} or {@link #restore}. */
    default void resume() throws ErrnoException {}
}
