package vfio.mdev.iommu.memory;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.linux.Fd;
import mdev.linux.LinuxException;

/**
 * A part of a file that its owner may truncate at any time. Accessed through system calls, which return an error where
 * mapped memory would fault.
 */
record FileMemory(Location location, Fd fd, FilePool.Use use) implements BackingMemory {
    /** Size of the bounce buffer for transfers from or to the Java heap, in bytes: system calls need native memory. */
    private static final int BOUNCE = 64 * 1024;

    @Override
    public void read(long at, MemorySegment to, long offset, long length) throws ErrnoException {
        if (to.isNative()) {
            pread(at, to, offset, length);
        } else {
            bounce(length, (done, bounce, part) -> {
                pread(at + done, bounce, 0, part);
                MemorySegment.copy(bounce, 0, to, offset + done, part);
            });
        }
    }

    @Override
    public void write(long at, MemorySegment from, long offset, long length) throws ErrnoException {
        if (from.isNative()) {
            pwrite(at, from, offset, length);
        } else {
            bounce(length, (done, bounce, part) -> {
                MemorySegment.copy(from, offset + done, bounce, 0, part);
                pwrite(at + done, bounce, 0, part);
            });
        }
    }

    private interface Part {
        void transfer(long done, MemorySegment bounce, long length) throws ErrnoException;
    }

    private static void bounce(long length, Part transfer) throws ErrnoException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment bounce = arena.allocate(Math.min(length, BOUNCE));
            for (long done = 0; done < length; done += BOUNCE) {
                transfer.transfer(done, bounce, Math.min(length - done, BOUNCE));
            }
        }
    }

    private void pread(long at, MemorySegment to, long offset, long length) throws ErrnoException {
        try {
            if (fd.pread(location.start() + at, to, offset, length) != length) {
                throw new ErrnoException(Errno.EFAULT, "the user has truncated its file");
            }
        } catch (LinuxException e) {
            throw new ErrnoException(Errno.EFAULT, "the user's file: " + e.getMessage());
        }
    }

    private void pwrite(long at, MemorySegment from, long offset, long length) throws ErrnoException {
        try {
            fd.pwrite(location.start() + at, from, offset, length);
        } catch (LinuxException e) {
            throw new ErrnoException(Errno.EFAULT, "the user's file: " + e.getMessage());
        }
    }

    @Override
    public void close() {
        use.close();
    }
}
