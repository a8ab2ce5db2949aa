package vendor.ccwsim.subchannel;

import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import mdev.api.Mdev;
import mdev.api.MdevType;
import mdev.api.ParentOps;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.state.DeviceState;
import mdev.api.state.StatefulParent;
import mdev.api.sysfs.AttributeGroup;
import mdev.api.vfio.VfioCcw;

/** A subchannel, which one mediated device can have ({@code vfio_ccw_ops.c} of Linux 5.10). */
public final class SubchannelParent implements ParentOps<VfioCcwDevice>, StatefulParent {
    private final SubchannelId id;
    private final SubchannelAttachment attachment;
    private final Consoles consoles;
    private final ChannelPath path = new ChannelPath();
    private final AtomicInteger available = new AtomicInteger(1);

    /** @param consoles notified of created and removed consoles */
    public SubchannelParent(SubchannelId id, SubchannelAttachment attachment, Consoles consoles) {
        this.id = id;
        this.attachment = attachment;
        this.consoles = consoles;
    }

    @Override
    public List<MdevType> supportedTypes() {
        return List.of(MdevType.of("io", "I/O subchannel (Non-QDIO)", VfioCcw.DEVICE_API, available::get));
    }

    @Override
    public List<AttributeGroup> deviceAttributeGroups() {
        return List.of(path.attributes());
    }

    @Override
    public DeviceState saveSettings() {
        return DeviceState.version(1).with("online", path.online());
    }

    @Override
    public void restoreSettings(DeviceState settings) throws ErrnoException {
        path.configure(settings.flag("online"));
    }

    /** @throws ErrnoException EPERM, as in the kernel: the subchannel has its device */
    @Override
    public VfioCcwDevice create(Mdev mdev) throws ErrnoException {
        var device = new VfioCcwDevice(mdev.uuid(), id, attachment, path);
        if (!available.compareAndSet(1, 0)) { // back to 1 in remove
            throw new ErrnoException(Errno.EPERM, "subchannel " + id + " has its one device already");
        }
        path.listener(device); // until remove
        device.operator().ifPresent(operator -> consoles.add(mdev.uuid(), operator));
        return device;
    }

    @Override
    public void remove(VfioCcwDevice device) {
        path.listener(null);
        consoles.remove(device.uuid());
        available.set(1);
    }
}
