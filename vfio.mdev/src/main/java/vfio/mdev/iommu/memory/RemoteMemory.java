package vfio.mdev.iommu.memory;

import java.lang.foreign.MemorySegment;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.RemoteAccess;

/** User memory that only the user can access. */
record RemoteMemory(Location location, RemoteAccess access) implements BackingMemory {
    @Override
    public void read(long at, MemorySegment to, long offset, long length) throws ErrnoException {
        access.read(location.start() + at, to, offset, length);
    }

    @Override
    public void write(long at, MemorySegment from, long offset, long length) throws ErrnoException {
        access.write(location.start() + at, from, offset, length);
    }
}
