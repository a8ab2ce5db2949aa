package vfio.mdev.device;

import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import mdev.api.Slot;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.DmaObserver;
import mdev.api.vfio.IoEventFd;
import mdev.api.vfio.IoctlReply;
import mdev.api.vfio.IoctlRequest;
import mdev.api.vfio.SetIrqs;
import mdev.api.vfio.VfioDevice;
import org.jspecify.annotations.Nullable;

/**
 * A VFIO device file. Reads and writes take no lock and allocate nothing: between user and vendor there are only the
 * slot's addition and two volatile reads, of the session and of the vendor's object.
 */
final class DeviceHandle implements VfioDevice {
    private final GroupDevice device;
    private final Slot slot;
    private final Runnable onLeave;

    /** The session of the handle; cleared before the session is released, when the handle is closed or revoked. */
    private volatile @Nullable OpenDevice session;

    /** Set by the first call of close. */
    private final AtomicBoolean closed = new AtomicBoolean();

    private volatile @Nullable Runnable request;

    /** @param onLeave runs when the user has closed the handle */
    DeviceHandle(GroupDevice device, Slot slot, OpenDevice session, Runnable onLeave) {
        this.device = device;
        this.slot = slot;
        this.session = session;
        this.onLeave = onLeave;
    }

    @Override
    public String name() {
        return device.name();
    }

    @Override
    public void read(int region, long offset, MemorySegment data, long dataOffset, int length) throws ErrnoException {
        check(offset, data, dataOffset, length);
        if (length == 0) {
            return;
        }
        if (data.isReadOnly()) {
            throw new ErrnoException(Errno.EFAULT, "the access exceeds the buffer");
        }
        enter();
        try {
            slot.ops().read(region, offset, data, dataOffset, length);
        } catch (Throwable t) {
            throw slot.failed("read", t);
        } finally {
            slot.leave();
        }
    }

    @Override
    public void write(int region, long offset, MemorySegment data, long dataOffset, int length) throws ErrnoException {
        check(offset, data, dataOffset, length);
        if (length == 0) {
            return;
        }
        enter();
        try {
            slot.ops().write(region, offset, data, dataOffset, length);
        } catch (Throwable t) {
            throw slot.failed("write", t);
        } finally {
            slot.leave();
        }
    }

    /** Rejects invalid arguments before they reach the vendor. */
    private static void check(long offset, MemorySegment data, long dataOffset, int length) throws ErrnoException {
        if (offset < 0 || length < 0) {
            throw new ErrnoException(Errno.EINVAL, "negative offset or length");
        }
        if (dataOffset < 0
                || dataOffset > data.byteSize() - length
                || !data.scope().isAlive()
                || !data.isAccessibleBy(Thread.currentThread())) {
            throw new ErrnoException(Errno.EFAULT, "the access exceeds the buffer");
        }
    }

    /** Pairs with the slot's {@code leave}. */
    private OpenDevice enter() throws ErrnoException {
        slot.enter();
        // Checked inside the slot, so that the session cannot be released after the check.
        OpenDevice now = session;
        if (now == null) {
            slot.leave();
            throw closed.get()
                    ? new ErrnoException(Errno.EBADF, "the device handle is closed")
                    : new ErrnoException(Errno.ENODEV, "the device has been removed");
        }
        return now;
    }

    @Override
    public IoctlReply ioctl(IoctlRequest request) throws ErrnoException {
        OpenDevice entered;
        try {
            entered = enter();
        } catch (ErrnoException e) {
            if (request instanceof SetIrqs set) {
                device.discard(set);
            }
            throw e;
        }
        try {
            return entered.ioctl(request);
        } finally {
            slot.leave();
        }
    }

    @Override
    public int regionFd(int region) throws ErrnoException {
        OpenDevice entered = enter();
        try {
            return entered.regionFd(region);
        } finally {
            slot.leave();
        }
    }

    @Override
    public List<IoEventFd> regionIoFds(int region, int most) throws ErrnoException {
        OpenDevice entered = enter();
        try {
            return entered.regionIoFds(region, most);
        } finally {
            slot.leave();
        }
    }

    @Override
    public void onRequest(Runnable request) {
        this.request = request;
    }

    @Override
    public void observeDma(DmaObserver observer) {
        device.moved().observe(this, observer);
    }

    @Nullable
    Runnable request() {
        return request;
    }

    @Override
    public void close() {
        if (closed.compareAndSet(false, true)) {
            device.moved().forget(this);
            device.close(this);
        }
    }

    /** Prevents further accesses from entering the vendor. {@link Slot#vacate} waits for the accesses inside. */
    void cut() {
        session = null;
    }

    Runnable onLeave() {
        return onLeave;
    }
}
