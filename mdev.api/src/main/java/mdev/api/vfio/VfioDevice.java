package mdev.api.vfio;

import java.lang.foreign.MemorySegment;
import mdev.api.errno.ErrnoException;
import org.osgi.annotation.versioning.ProviderType;

/**
 * An open device: a VFIO device file. Any thread may call. Once the device is removed every call is refused with
 * ENODEV, and the vendor is not entered any more.
 */
@ProviderType
public interface VfioDevice extends AutoCloseable {
    /** The device's UUID in lower case. */
    String name();

    /**
     * Reads from a region (pread). Takes no lock and allocates nothing.
     *
     * @param region its index
     * @param offset in the region
     * @param data where the bytes go
     * @param dataOffset the place of the first in {@code data}
     * @param length how many; 0 succeeds and reaches nobody
     * @throws ErrnoException EINVAL: negative offset or length; ENODEV: the device is gone; EIO: the driver failed;
     *     else the driver's errno
     */
    void read(int region, long offset, MemorySegment data, long dataOffset, int length) throws ErrnoException;

    /** Writes to a region (pwrite); parameters and errors as for {@link #read}. */
    void write(int region, long offset, MemorySegment data, long dataOffset, int length) throws ErrnoException;

    /**
     * An ioctl on the device: {@link GetInfo}, {@link GetRegionInfo}, {@link GetIrqInfo}, {@link SetIrqs}, {@link Reset}, and whatever its driver knows.
     *
     * @throws ErrnoException ENOTTY: nobody knows the request; ENODEV, EIO as above; else as the request says
     */
    IoctlReply ioctl(IoctlRequest request) throws ErrnoException;

    /**
     * The file behind a region that can be mapped ({@code mmap} of the device file): the region's bytes are at the same offsets in it.
     *
     * @param region its index
     * @return a descriptor of this process, which the caller owns
     * @throws ErrnoException EINVAL: the region has no memory that can be mapped; EMFILE: out of descriptors; ENODEV, EBADF as above
     */
    int regionFd(int region) throws ErrnoException;

    /**
     * What to run when the device is to be removed: the in-process form of the REQ interrupt. A user that has set
     * this is given a bounded time to close its handle; then the handle is cut off.
     *
     * @param request runs on a thread of the framework and must not block; the last one set counts
     */
    void onRequest(Runnable request);

    /**
     * Closes the handle; its calls are EBADF from then on. With the last handle all triggers are let go and the vendor's {@code release}
     * runs: here, or, while an access is still inside the vendor, on the thread of that access. Idempotent.
     */
    @Override
    void close();
}
