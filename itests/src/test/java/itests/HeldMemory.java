package itests;

import java.lang.foreign.MemorySegment;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.RemoteAccess;

/**
 * Memory filled with ones that blocks reads until released: so a test controls how long a device stays inside an
 * access.
 */
final class HeldMemory implements RemoteAccess {
    private final CountDownLatch let = new CountDownLatch(1);
    private volatile boolean inside;

    /** Whether a read is in progress. */
    boolean inside() {
        return inside;
    }

    void let() {
        let.countDown();
    }

    @Override
    public void read(long address, MemorySegment data, long offset, long length) throws ErrnoException {
        inside = true;
        try {
            if (!let.await(Patience.TIME.toSeconds(), TimeUnit.SECONDS)) {
                throw new ErrnoException(Errno.ETIMEDOUT);
            }
            data.asSlice(offset, length).fill((byte) 1);
        } catch (InterruptedException e) {
            throw new ErrnoException(Errno.EINTR);
        } finally {
            inside = false;
        }
    }

    @Override
    public void write(long address, MemorySegment data, long offset, long length) throws ErrnoException {
        throw new ErrnoException(Errno.EPERM);
    }
}
