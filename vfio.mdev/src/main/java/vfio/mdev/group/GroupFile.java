package vfio.mdev.group;

import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.VfioContainer;
import mdev.api.vfio.VfioDevice;
import mdev.api.vfio.VfioGroup;
import vfio.mdev.container.Container;

/** A VFIO group file. Closing it clears the group's reference to it; every call checks that reference. */
final class GroupFile implements VfioGroup {
    private final Group group;

    GroupFile(Group group) {
        this.group = group;
    }

    @Override
    public int number() {
        return group.number();
    }

    @Override
    public int getStatus() {
        return group.status(this);
    }

    @Override
    public void setContainer(VfioContainer container) throws ErrnoException {
        if (!(container instanceof Container ours)) {
            throw new ErrnoException(Errno.EINVAL, "the container was not opened through this API");
        }
        group.setContainer(this, ours);
    }

    @Override
    public void unsetContainer() throws ErrnoException {
        group.unsetContainer(this);
    }

    @Override
    public VfioDevice getDevice(String name) throws ErrnoException {
        return group.openDevice(this, name);
    }

    @Override
    public void close() {
        group.closeFile(this);
    }
}
