package mdev.api.vfio;

import java.lang.foreign.MemorySegment;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import org.osgi.annotation.versioning.ConsumerType;

/**
 * The vendor's half of one mediated device: open, release, read, write and ioctl of {@code struct mdev_parent_ops}. A
 * vendor's {@code create} returns one per device, so {@code this} is the driver data.
 *
 * <p>Nothing serializes these calls: reads, writes and ioctls come from any number of threads at once. After
 * {@link #release()} began no other call runs. An unchecked exception reaches the user as EIO and is logged with
 * the vendor's name. Hold no lock across a DMA call that {@code read} or {@code write} take.
 */
@ConsumerType
public interface DeviceOps {
    /**
     * The first handle of the device is opened. Later handles of the same user do not come here (as {@code open_device} in
     * kernels after 5.10), so open and release alternate.
     *
     * @param context what the framework lends until {@code release} returns
     * @throws ErrnoException the errno that the opener gets; EINVAL by default: a device without {@code open} cannot be opened, as in
     *     the kernel
     */
    default void open(VfioContext context) throws ErrnoException {
        throw new ErrnoException(Errno.EINVAL);
    }

    /** The last handle is closed. The device keeps its state; the context must not be used any more. */
    default void release() {}

    /**
     * Reads from a region.
     *
     * @param region its index
     * @param offset in the region, as the user gave it: not negative, otherwise unchecked
     * @param data where to put the bytes; not to be kept
     * @param dataOffset the place of the first byte in {@code data}
     * @param length how many bytes, at least 1
     * @throws ErrnoException EINVAL for a place that the device does not have; the bytes are undefined then
     */
    default void read(int region, long offset, MemorySegment data, long dataOffset, int length) throws ErrnoException {
        throw new ErrnoException(Errno.EINVAL);
    }

    /** Writes to a region; parameters and errors as for {@link #read}. */
    default void write(int region, long offset, MemorySegment data, long dataOffset, int length) throws ErrnoException {
        throw new ErrnoException(Errno.EINVAL);
    }

    /**
     * Answers {@link GetInfo}, {@link GetRegionInfo}, {@link GetIrqInfo}, {@link Reset} and whatever else the driver knows.
     *
     * @throws ErrnoException ENOTTY for a request that the driver does not know; else as the request says
     */
    IoctlReply ioctl(IoctlRequest request) throws ErrnoException;
}
