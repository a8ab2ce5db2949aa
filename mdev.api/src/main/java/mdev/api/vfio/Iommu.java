package mdev.api.vfio;

import java.util.Optional;
import mdev.api.errno.ErrnoException;
import org.osgi.annotation.versioning.ConsumerType;

/**
 * The address space of one container, created by an {@link IommuDriver}.
 *
 * <p>The container never runs {@link #attachGroup}, {@link #detachGroup} and {@link #release} concurrently with each
 * other or with {@link #ioctl}; ioctls may run on any number of threads concurrently. After {@code release} the
 * container calls no method.
 */
@ConsumerType
public interface Iommu {
    /** {@code VFIO_CHECK_EXTENSION} of a container with this IOMMU: 0 for no, positive for yes. */
    int checkExtension(int extension);

    /**
     * Adds a group to the address space.
     *
     * @param group the number of the group
     * @throws ErrnoException the group is not added; the caller receives the errno
     */
    void attachGroup(int group) throws ErrnoException;

    /** Removes an attached group. */
    void detachGroup(int group);

    /**
     * Handles a request that the container itself does not support.
     *
     * @throws ErrnoException ENOTTY: the back-end does not support it either; else as the request documents
     */
    IoctlReply ioctl(IoctlRequest request) throws ErrnoException;

    /**
     * Called when a device is opened in the address space.
     *
     * @param vendor the device and its driver, for log messages about resources that they did not release
     * @return the device's part; released with {@link DmaAttachment#detach()} before the group is removed
     */
    default DmaAttachment attachDevice(String vendor) {
        return () -> {};
    }

    /** The current contents of the address space; empty if the back-end does not report them. */
    default Optional<IommuState> state() {
        return Optional.empty();
    }

    /** Called when the last group has been removed: unmaps everything that is still mapped before it returns. */
    void release();
}
