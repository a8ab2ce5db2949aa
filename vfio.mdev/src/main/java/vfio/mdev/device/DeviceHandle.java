package vfio.mdev.device;

import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicBoolean;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.IoctlReply;
import mdev.api.vfio.IoctlRequest;
import mdev.api.vfio.SetIrqs;
import mdev.api.vfio.VfioDevice;
import org.jspecify.annotations.Nullable;

/**
 * A VFIO device file. Reads and writes take no lock and allocate nothing: two volatile reads and the gate are all that is between user
 * and vendor.
 */
final class DeviceHandle implements VfioDevice {
    private final MdevDevice device;
    private final OpenDevice session;
    private final Runnable onLeave;
    /** Set by the one call that closes. */
    private final AtomicBoolean closed = new AtomicBoolean();

    private volatile @Nullable Runnable request;

    /** @param onLeave what its user's leaving means to the group */
    DeviceHandle(MdevDevice device, OpenDevice session, Runnable onLeave) {
        this.device = device;
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
            throw new ErrnoException(Errno.EFAULT, "the buffer cannot take the access");
        }
        enter();
        try {
            session.ops.read(region, offset, data, dataOffset, length);
        } catch (Throwable t) {
            throw session.failed("read", t);
        } finally {
            session.gate.leave();
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
            session.ops.write(region, offset, data, dataOffset, length);
        } catch (Throwable t) {
            throw session.failed("write", t);
        } finally {
            session.gate.leave();
        }
    }

    /** What a vendor must not be blamed for. */
    private static void check(long offset, MemorySegment data, long dataOffset, int length) throws ErrnoException {
        if (offset < 0 || length < 0) {
            throw new ErrnoException(Errno.EINVAL, "negative offset or length");
        }
        if (dataOffset < 0
                || dataOffset > data.byteSize() - length
                || !data.scope().isAlive()
                || !data.isAccessibleBy(Thread.currentThread())) {
            throw new ErrnoException(Errno.EFAULT, "the buffer cannot take the access");
        }
    }

    /** Pairs with the gate's {@code leave}. */
    private void enter() throws ErrnoException {
        if (closed.get()) {
            throw new ErrnoException(Errno.EBADF, "the device handle is closed");
        }
        if (!session.gate.enter()) {
            throw new ErrnoException(Errno.ENODEV, "the device is gone");
        }
    }

    @Override
    public IoctlReply ioctl(IoctlRequest request) throws ErrnoException {
        try {
            enter();
        } catch (ErrnoException e) {
            if (request instanceof SetIrqs set) {
                session.irqs.discard(set);
            }
            throw e;
        }
        try {
            return session.ioctl(request);
        } finally {
            session.gate.leave();
        }
    }

    @Override
    public int regionFd(int region) throws ErrnoException {
        enter();
        try {
            return session.regionFd(region);
        } finally {
            session.gate.leave();
        }
    }

    @Override
    public void onRequest(Runnable request) {
        this.request = request;
    }

    @Nullable
    Runnable request() {
        return request;
    }

    @Override
    public void close() {
        if (closed.compareAndSet(false, true)) {
            device.close(this);
        }
    }

    Runnable onLeave() {
        return onLeave;
    }
}
