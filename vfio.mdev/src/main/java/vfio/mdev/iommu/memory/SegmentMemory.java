package vfio.mdev.iommu.memory;

import java.lang.foreign.MemorySegment;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;

/**
 * User memory in this process: a segment of the user, or a mapped part of a file that cannot be truncated. Copied only
 * by Java code: if a page were missing, native code would crash the process.
 */
record SegmentMemory(Location location, MemorySegment bytes, FilePool.Use use) implements BackingMemory {
    @Override
    public void read(long at, MemorySegment to, long offset, long length) throws ErrnoException {
        copy(bytes, at, to, offset, length);
    }

    @Override
    public void write(long at, MemorySegment from, long offset, long length) throws ErrnoException {
        copy(from, offset, bytes, at, length);
    }

    /** The user may, against the rules, have closed its arena or confined it to one thread. */
    private void copy(MemorySegment from, long fromOffset, MemorySegment to, long toOffset, long length)
            throws ErrnoException {
        try {
            MemorySegment.copy(from, fromOffset, to, toOffset, length);
        } catch (IllegalStateException | WrongThreadException e) {
            if (bytes.scope().isAlive() && bytes.isAccessibleBy(Thread.currentThread())) {
                throw e;
            }
            throw new ErrnoException(Errno.EFAULT, "the user's memory is not accessible");
        }
    }

    @Override
    public void close() {
        use.close();
    }
}
