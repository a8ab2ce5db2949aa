package mdev.core;

import java.lang.foreign.MemorySegment;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.DeviceOps;
import mdev.api.vfio.IoctlReply;
import mdev.api.vfio.IoctlRequest;

/** Stands in for the vendor's object of a device whose vendor is being updated, or whose update has failed. */
enum NoDevice implements DeviceOps {
    INSTANCE;

    @Override
    public void read(int region, long offset, MemorySegment data, long dataOffset, int length) throws ErrnoException {
        throw new ErrnoException(Errno.ENODEV);
    }

    @Override
    public void write(int region, long offset, MemorySegment data, long dataOffset, int length) throws ErrnoException {
        throw new ErrnoException(Errno.ENODEV);
    }

    @Override
    public IoctlReply ioctl(IoctlRequest request) throws ErrnoException {
        throw new ErrnoException(Errno.ENODEV);
    }
}
