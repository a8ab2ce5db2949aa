package mdev.api.vfio;

import org.osgi.annotation.versioning.ConsumerType;

/**
 * Notified of the devices that can be opened through {@link Vfio}, for servers that expose them. A service that any
 * bundle may register; VFIO finds it.
 *
 * <p>When the service is registered, {@link #added} is called for each device that is there. Once it is unregistered,
 * no call of it is running and none follows: what it did for the devices that it was told of, it has to undo itself.
 * When VFIO stops, every device is removed first.
 *
 * <p>The calls for one device come one after the other, those for several devices at once. They must be quick: the
 * creation or removal of the device waits for them. They must not create or remove devices. A service that needs {@link
 * Vfio} takes it from {@link #added}: a reference of its own to it would be a cycle.
 */
@ConsumerType
public interface VfioDeviceListener {
    /**
     * A device is there; its group can be opened. The call returns before the device's {@code create} does.
     *
     * @param name the device's UUID in lower case
     * @param group the number for {@link Vfio#openGroup}
     * @param vfio opens the group
     */
    void added(String name, int group, Vfio vfio);

    /** The device is about to be removed: no new user may be let in. Its user has not been asked to leave yet. */
    void removing(String name);

    /**
     * The device's handles are cut off: every call of them is refused. Their users must have released them when this
     * returns, which is before the device's {@code remove} does.
     */
    void removed(String name);
}
