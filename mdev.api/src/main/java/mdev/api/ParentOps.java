package mdev.api;

import java.util.List;
import mdev.api.errno.ErrnoException;
import mdev.api.sysfs.AttributeGroup;
import mdev.api.vfio.DeviceOps;
import org.osgi.annotation.versioning.ConsumerType;

/**
 * A vendor driver: {@code struct mdev_parent_ops}. Its per-device half is {@link DeviceOps}.
 *
 * <p>The core gives no serialization: creates and removes of one parent run in the vendor at once, on the threads of
 * those who asked. No lock of the core is held around any of these calls. An unchecked exception counts as EIO and is
 * logged with the vendor's name; a call that does not come back delays its own caller only.
 *
 * @param <D> the vendor's own device class
 */
@ConsumerType
public interface ParentOps<D extends DeviceOps> {
    /** {@code supported_type_groups}: asked once, at registration. */
    List<MdevType> supportedTypes();

    /** {@code dev_attr_groups}: files of the parent itself; asked once, at registration. */
    default List<AttributeGroup> deviceAttributeGroups() {
        return List.of();
    }

    /** {@code mdev_attr_groups}: files of a device; asked once, after its {@code create}, before it is seen. */
    default List<AttributeGroup> mdevAttributeGroups(D device) {
        return List.of();
    }

    /**
     * {@code create}: allocates a device. It is not in the tree yet; its UUID is reserved.
     *
     * <p>The type's {@code available_instances} is a limit that the vendor keeps, atomically among concurrent creates.
     *
     * @return the device's object, not null
     * @throws ErrnoException the errno that the writer of {@code create} gets: ENOSPC when no instance is left
     */
    D create(Mdev mdev) throws ErrnoException;

    /**
     * The first phase of a removal, asked while nothing has changed yet and the user is still attached. Not asked when
     * the whole parent goes.
     *
     * @throws ErrnoException the device must stay: the writer of {@code remove} gets the errno
     */
    default void mayRemove(D device) throws ErrnoException {}

    /**
     * {@code remove}: frees the device. Its user is gone and no other call for it runs or will come.
     *
     * @throws ErrnoException only logged, as in the kernel: the device is gone all the same
     */
    void remove(D device) throws ErrnoException;
}
