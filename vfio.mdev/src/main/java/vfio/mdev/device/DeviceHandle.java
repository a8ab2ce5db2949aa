package vfio.mdev.device;

import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import mdev.api.Slot;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.DeviceMigration;
import mdev.api.vfio.DeviceOps;
import mdev.api.vfio.DmaObserver;
import mdev.api.vfio.IoEventFd;
import mdev.api.vfio.IoctlReply;
import mdev.api.vfio.IoctlRequest;
import mdev.api.vfio.Reset;
import mdev.api.vfio.SetIrqs;
import mdev.api.vfio.VfioDevice;
import org.jspecify.annotations.Nullable;

/**
 * A VFIO device file. Reads and writes take no lock and allocate nothing: between user and vendor there are only the
 * slot's atomic addition each way and two volatile reads, of the session and the vendor's object.
 */
final class DeviceHandle implements VfioDevice {
    /** How long a change of the migration state waits for accesses inside. A virtual machine times out after 5 s. */
    private static final Duration ALONE = Duration.ofSeconds(4);

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
        OpenDevice entered = enter();
        try {
            entered.requireAccess(region);
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
        OpenDevice entered = enter();
        try {
            entered.requireAccess(region);
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
    OpenDevice enter() throws ErrnoException {
        slot.enter();
        try {
            return open();
        } catch (ErrnoException e) {
            slot.leave();
            throw e;
        }
    }

    /** Checked inside the slot, so that the session cannot be released after the check. */
    private OpenDevice open() throws ErrnoException {
        OpenDevice now = session;
        if (now != null) {
            return now;
        }
        throw closed.get()
                ? new ErrnoException(Errno.EBADF, "the device handle is closed")
                : new ErrnoException(Errno.ENODEV, "the device has been removed");
    }

    /** A call for which all others are kept out of the slot. */
    interface Alone<T extends @Nullable Object> {
        T call(OpenDevice open, DeviceOps ops) throws ErrnoException;
    }

    <T extends @Nullable Object> T alone(String name, Alone<T> call) throws ErrnoException {
        var _ = open();
        return slot.callAlone(name, ALONE, ops -> call.call(open(), ops));
    }

    @Override
    public IoctlReply ioctl(IoctlRequest request) throws ErrnoException {
        if (request instanceof Reset && !open().migration().isRunning()) {
            return alone("reset", OpenDevice::reset);
        }
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
    public DeviceMigration migration() throws ErrnoException {
        enter();
        try {
            var _ = Migration.stateful(slot.ops());
        } finally {
            slot.leave();
        }
        return new HandleMigration(this, slot);
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
