package mdev.api.vfio;

import mdev.api.errno.ErrnoException;
import org.osgi.annotation.versioning.ConsumerType;

/**
 * Notified of the devices that can be opened through {@link Vfio}, for servers that expose them. Registered as a
 * service by any bundle; VFIO finds it and calls it on threads of its own.
 *
 * <p>When the service is registered, {@link #added} is called for each existing device. Once it is unregistered, no
 * call of it is running and none follows: the listener itself must then release its resources for the reported
 * devices. When VFIO stops, every device is removed first.
 *
 * <p>Calls for one device are sequential; calls for different devices are concurrent. They must be quick: the creation
 * or removal of the device waits for them, for at most 3 s in {@link #added} and three quarters of the driver's grace
 * period in the others. A slower listener is named in the log, and no thread waits for it until it returns; it is then
 * notified of the events since, in order for each device, except for devices that were added and removed meanwhile.
 * They must not create or remove devices. A service that needs {@link Vfio} must use the argument of {@link #added}: a
 * service reference of its own would close a cycle.
 */
@ConsumerType
public interface VfioDeviceListener {
    /**
     * A device exists and its group can be opened. This call returns before the device's {@code create} does.
     *
     * @param name the device's UUID in lower case
     * @param group the number for {@link Vfio#openGroup}
     * @param vfio opens the group
     * @throws ErrnoException the device cannot be exposed, and nothing is left of the attempt: the driver does not bind
     *     to it, and with EMFILE or ENFILE its {@code create} fails
     */
    void added(String name, int group, Vfio vfio) throws ErrnoException;

    /**
     * The device is about to be removed: no new user may be admitted. Its current user has not been asked to close it
     * yet.
     */
    void removing(String name);

    /**
     * The device's handles are revoked: each of their calls fails. Their users must have released them when this
     * returns, and this returns before the device's {@code remove} does.
     */
    void removed(String name);
}
