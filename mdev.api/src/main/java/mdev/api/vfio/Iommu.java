package mdev.api.vfio;

import java.util.Optional;
import mdev.api.errno.ErrnoException;
import org.osgi.annotation.versioning.ConsumerType;

/**
 * The address space of one container, made by an {@link IommuDriver}.
 *
 * <p>The container never runs {@link #attachGroup}, {@link #detachGroup} and {@link #release} at once with each other or with
 * {@link #ioctl}; ioctls may come from any number of threads at once. After {@code release} nothing is called.
 */
@ConsumerType
public interface Iommu {
    /** {@code VFIO_CHECK_EXTENSION} of a container with this IOMMU: 0 for no, positive for yes. */
    int checkExtension(int extension);

    /**
     * A group joins the address space.
     *
     * @param group its number
     * @throws ErrnoException the group stays outside; the errno goes to who asked
     */
    void attachGroup(int group) throws ErrnoException;

    /** A group that was attached leaves. */
    void detachGroup(int group);

    /**
     * A request on the container that the container itself does not know.
     *
     * @throws ErrnoException ENOTTY: the back-end does not know it either; else as the request says
     */
    IoctlReply ioctl(IoctlRequest request) throws ErrnoException;

    /**
     * A device is opened in the address space.
     *
     * @param vendor who is named in the log when it keeps what it should give back: the device and its driver
     * @return the device's half; released with {@link DmaAttachment#detach()} before its group leaves
     */
    default DmaAttachment attachDevice(String vendor) {
        return () -> {};
    }

    /** What is in the address space now; empty if the back-end does not tell. */
    default Optional<IommuState> state() {
        return Optional.empty();
    }

    /** The last group has left: everything still mapped is unmapped when this returns. */
    void release();
}
