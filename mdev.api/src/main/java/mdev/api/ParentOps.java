package mdev.api;

import java.util.List;
import mdev.api.errno.ErrnoException;
import mdev.api.sysfs.AttributeGroup;
import mdev.api.vfio.DeviceOps;
import org.osgi.annotation.versioning.ConsumerType;

/**
 * A vendor driver: {@code struct mdev_parent_ops}. {@link DeviceOps} is its per-device half.
 *
 * <p>The core does not serialize these calls: creates and removes of one parent run in the vendor concurrently, on
 * their callers' threads. The core holds no lock during any of them. An unchecked exception counts as EIO and is logged
 * with the vendor's name; a call that does not return delays only its own caller.
 *
 * @param <D> the vendor's own device class
 */
@ConsumerType
public interface ParentOps<D extends DeviceOps> {
    /** {@code supported_type_groups}: called once, at registration. */
    List<MdevType> supportedTypes();

    /** {@code dev_attr_groups}: attributes of the parent itself; called once, at registration. */
    default List<AttributeGroup> deviceAttributeGroups() {
        return List.of();
    }

    /**
     * {@code mdev_attr_groups}: attributes of a device; called once, after its {@code create} and before the device
     * appears in the tree.
     */
    default List<AttributeGroup> mdevAttributeGroups(D device) {
        return List.of();
    }

    /**
     * {@code create}: allocates a device. It is not in the tree yet; its UUID is reserved.
     *
     * <p>The vendor enforces the limit that the type's {@code available_instances} states, atomically among concurrent
     * creates.
     *
     * @return the vendor's object for the device, not null
     * @throws ErrnoException the errno that the write to {@code create} returns: ENOSPC if no instance is left
     */
    D create(Mdev mdev) throws ErrnoException;

    /**
     * The first phase of a removal: called before anything has changed, while the user is still attached. Not called
     * when the whole parent is unregistered.
     *
     * @throws ErrnoException vetoes the removal: the write to {@code remove} returns the errno
     */
    default void mayRemove(D device) throws ErrnoException {}

    /**
     * {@code remove}: frees the device. The user is detached, and no other call for the device is running or will
     * follow.
     *
     * @throws ErrnoException only logged, as in the kernel: the device is removed regardless
     */
    void remove(D device) throws ErrnoException;
}
