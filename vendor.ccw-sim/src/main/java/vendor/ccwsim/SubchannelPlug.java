package vendor.ccwsim;

import mdev.api.ParentDevice;
import mdev.api.ParentRegistry;
import mdev.api.Registration;
import mdev.api.errno.ErrnoException;
import vendor.ccwsim.subchannel.Consoles;
import vendor.ccwsim.subchannel.SubchannelAttachment;
import vendor.ccwsim.subchannel.SubchannelId;
import vendor.ccwsim.subchannel.SubchannelParent;

/** Registers subchannels, each as one parent. */
final class SubchannelPlug {
    /** The type's id is {@code vfio_ccw-io}, as in Linux, where it begins with the driver's name. */
    private static final String CLASS = "vfio_ccw";

    private SubchannelPlug() {}

    /** @throws ErrnoException as for {@link ParentRegistry#registerDevice} */
    static Registration in(ParentRegistry registry, Consoles consoles, SubchannelId id, SubchannelAttachment attachment)
            throws ErrnoException {
        return registry.registerDevice(
                new ParentDevice(CLASS, id.toString()), new SubchannelParent(id, attachment, consoles));
    }
}
