package mdev.api.vfio;

import java.lang.foreign.MemorySegment;
import java.util.List;
import mdev.api.errno.ErrnoException;
import org.osgi.annotation.versioning.ProviderType;

/**
 * An open device: a VFIO device file. Thread-safe. Once the device is removed, every call fails with ENODEV and does
 * not reach the vendor.
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
     * @param data the destination
     * @param dataOffset the offset of the first byte in {@code data}
     * @param length the number of bytes; 0 succeeds without a call of the driver
     * @throws ErrnoException EINVAL: negative offset or length; ENODEV: the device has been removed; EIO: the driver
     *     failed; else the driver's errno
     */
    void read(int region, long offset, MemorySegment data, long dataOffset, int length) throws ErrnoException;

    /** Writes to a region (pwrite); parameters and errors as for {@link #read}. */
    void write(int region, long offset, MemorySegment data, long dataOffset, int length) throws ErrnoException;

    /**
     * An ioctl on the device: {@link GetInfo}, {@link GetRegionInfo}, {@link GetIrqInfo}, {@link SetIrqs}, {@link
     * Reset}, and any other request that its driver supports.
     *
     * @throws ErrnoException ENOTTY: neither the framework nor the driver supports the request; ENODEV, EIO as above;
     *     else as the request documents
     */
    IoctlReply ioctl(IoctlRequest request) throws ErrnoException;

    /**
     * The file behind a region that can be mapped ({@code mmap} of the device file): the region's bytes have the same
     * offsets in the file.
     *
     * @param region its index
     * @return a descriptor of this process, which the caller owns
     * @throws ErrnoException EINVAL: the region has no memory that can be mapped; EMFILE: out of descriptors; ENODEV,
     *     EBADF as above
     */
    int regionFd(int region) throws ErrnoException;

    /**
     * Eventfds that stand for writes to a region ({@code VFIO_USER_DEVICE_GET_REGION_IO_FDS}), for a user that lets KVM
     * or another process signal them. A signal is a write at some later time, like a posted write; a signal that has
     * not become a write before the user resets or closes the device is discarded. Writes through {@link #write} work
     * as before.
     *
     * @param region its index
     * @param most the maximum number to return
     * @return the descriptors of this process, which the caller owns; empty if the region has no such writes
     * @throws ErrnoException EINVAL: the device does not have the index; EMFILE: out of descriptors; EAGAIN: no thread
     *     could be started; ENODEV, EBADF as above
     */
    List<IoEventFd> regionIoFds(int region, int most) throws ErrnoException;

    /**
     * The migration of the device.
     *
     * @throws ErrnoException ENOTTY: its driver cannot save its state; ENODEV, EBADF as above
     */
    DeviceMigration migration() throws ErrnoException;

    /**
     * Sets the callback for a requested removal of the device: the in-process form of the REQ interrupt. A user with a
     * callback gets a bounded time to close its handle; then the handle is revoked.
     *
     * @param request runs on a thread of the framework and must not block; replaces an earlier callback
     */
    void onRequest(Runnable request);

    /**
     * Sets the observer of the vendor's DMA. It is not notified of direct accesses to pinned pages and mapped ranges.
     *
     * @param observer replaces an earlier one; removed when the handle is closed
     */
    void observeDma(DmaObserver observer);

    /**
     * Closes the handle; its later calls fail with EBADF. Closing the last handle releases all triggers and runs the
     * vendor's {@code release}: on this thread, or, while an access is still inside the vendor, on the thread of that
     * access. Idempotent.
     */
    @Override
    void close();
}
