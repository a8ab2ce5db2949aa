package mdev.api.vfio;

import mdev.api.errno.ErrnoException;
import org.osgi.annotation.versioning.ProviderType;

/** An open {@code /dev/vfio/<group>}. Thread-safe. */
@ProviderType
public interface VfioGroup extends AutoCloseable {
    /** Flag of {@link #getStatus()}: every device of the group is bound to a VFIO driver. */
    int VIABLE = 1;

    /** Flag of {@link #getStatus()}: the group is in a container. */
    int CONTAINER_SET = 1 << 1;

    int number();

    /** {@code VFIO_GROUP_GET_STATUS}: {@link #VIABLE}, {@link #CONTAINER_SET}. */
    int getStatus();

    /**
     * {@code VFIO_GROUP_SET_CONTAINER}.
     *
     * @throws ErrnoException EINVAL: the group is already in a container, or the container was not opened through this
     *     API; EBADF: the container is closed
     */
    void setContainer(VfioContainer container) throws ErrnoException;

    /**
     * {@code VFIO_GROUP_UNSET_CONTAINER}.
     *
     * @throws ErrnoException EINVAL: no container is set; EBUSY: a device is open
     */
    void unsetContainer() throws ErrnoException;

    /**
     * {@code VFIO_GROUP_GET_DEVICE_FD}. Several handles of a device may be open at once.
     *
     * @param name the device's UUID in lower case
     * @throws ErrnoException EINVAL: the group has no container, or the container has no IOMMU; ENODEV: the group has
     *     no such device; else the errno that the vendor's {@code open} threw
     */
    VfioDevice getDevice(String name) throws ErrnoException;

    /** Closes the file; the group becomes free once its device handles are closed too. Idempotent. */
    @Override
    void close();
}
