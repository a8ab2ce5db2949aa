package mdev.api.vfio;

import org.osgi.annotation.versioning.ConsumerType;

/**
 * Hears of the devices that can be opened through {@link Vfio}, for who serves each of them. The calls for one device come one after
 * the other, those for several at once. They must be quick: who creates or removes the device waits for them. They must not create or
 * remove devices.
 */
@ConsumerType
public interface VfioDeviceListener {
    /**
     * A device has come; its group can be opened. The call returns before the device's {@code create} does. Also called for each device that is there when the
     * listening begins.
     *
     * @param name the device's UUID in lower case
     * @param group the number for {@link Vfio#openGroup}
     */
    void added(String name, int group);

    /** The device is about to go: no new user is to be let in. Its user has not been asked to leave yet. */
    void removing(String name);

    /** The device's handles are cut off: every call of them is refused. Whoever used them has let go when this returns, which is before the device's {@code remove} does. */
    void removed(String name);
}
