package mdev.api.vfio;

import java.lang.foreign.MemorySegment;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import org.osgi.annotation.versioning.ConsumerType;

/**
 * The vendor's half of one mediated device: open, release, read, write and ioctl of {@code struct mdev_parent_ops}. A
 * vendor's {@code create} returns one per device, so {@code this} is the driver data.
 *
 * <p>These calls are not serialized: reads, writes and ioctls arrive from any number of threads concurrently. Once
 * {@link #release()} has begun, no other call runs. An unchecked exception reaches the user as EIO and is logged with
 * the vendor's name. A vendor must not hold a lock across a DMA call if its {@code read} or {@code write} takes the
 * same lock.
 */
@ConsumerType
public interface DeviceOps {
    /**
     * Called when the first handle of the device is opened. Later handles of the same user cause no call (as {@code
     * open_device} in kernels after 5.10), so open and release alternate.
     *
     * @param context the framework's services for the open device, valid until {@code release} returns
     * @throws ErrnoException the errno that the opener receives; EINVAL by default: a device without {@code open}
     *     cannot be opened, as in the kernel
     */
    default void open(VfioContext context) throws ErrnoException {
        throw new ErrnoException(Errno.EINVAL);
    }

    /** Called when the last handle is closed. The device keeps its state; the context is no longer valid. */
    default void release() {}

    /**
     * Reads from a region.
     *
     * @param region its index
     * @param offset the offset in the region as passed by the user: not negative, otherwise unchecked
     * @param data the destination; must not be kept
     * @param dataOffset the offset of the first byte in {@code data}
     * @param length the number of bytes, at least 1
     * @throws ErrnoException EINVAL: the device has nothing at that offset; the bytes are undefined then
     */
    default void read(int region, long offset, MemorySegment data, long dataOffset, int length) throws ErrnoException {
        throw new ErrnoException(Errno.EINVAL);
    }

    /** Writes to a region; parameters and errors as for {@link #read}. */
    default void write(int region, long offset, MemorySegment data, long dataOffset, int length) throws ErrnoException {
        throw new ErrnoException(Errno.EINVAL);
    }

    /**
     * Answers {@link GetInfo}, {@link GetRegionInfo}, {@link GetIrqInfo}, {@link Reset} and any other request that the
     * driver supports.
     *
     * @throws ErrnoException ENOTTY: the driver does not support the request; else as the request documents
     */
    IoctlReply ioctl(IoctlRequest request) throws ErrnoException;
}
