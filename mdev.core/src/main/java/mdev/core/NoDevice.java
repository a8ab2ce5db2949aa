package mdev.core;

import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.DeviceOps;
import mdev.api.vfio.IoctlReply;
import mdev.api.vfio.IoctlRequest;

/** Stands in for the vendor's object of a device whose vendor is being updated, or whose update has failed. */
enum NoDevice implements DeviceOps {
    INSTANCE;

    @Override
    public IoctlReply ioctl(IoctlRequest request) throws ErrnoException {
        throw new ErrnoException(Errno.ENODEV);
    }
}
