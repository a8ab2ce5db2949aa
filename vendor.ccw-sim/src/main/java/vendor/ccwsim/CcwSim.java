package vendor.ccwsim;

import mdev.api.ParentRegistry;
import mdev.api.Registration;
import mdev.api.errno.ErrnoException;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Deactivate;
import org.osgi.service.component.annotations.Reference;
import vendor.ccwsim.subchannel.Consoles;
import vendor.ccwsim.subchannel.SubchannelAttachment;
import vendor.ccwsim.subchannel.SubchannelId;

/** The subchannels without configuration, registered while the bundle runs: a console, and a disk in memory. */
@Component(service = {})
public final class CcwSim {
    private static final SubchannelId CONSOLE = new SubchannelId(0, 0, 0x0009);
    private static final SubchannelId DISK = new SubchannelId(0, 0, 0x0040);

    private final ParentRegistry registry;
    private final Consoles consoles;

    /** Closed in {@link #unplug()}. */
    private Registration console;

    private Registration disk;

    @Activate
    public CcwSim(@Reference ParentRegistry registry, @Reference Consoles consoles) {
        this.registry = registry;
        this.consoles = consoles;
    }

    /** @throws ErrnoException as for {@link ParentRegistry#registerDevice} */
    @Activate
    void plugIn() throws ErrnoException {
        console = SubchannelPlug.in(registry, consoles, CONSOLE, SubchannelAttachment.CONSOLE);
        try {
            disk = SubchannelPlug.in(registry, consoles, DISK, SubchannelAttachment.disk(1));
        } catch (ErrnoException | RuntimeException e) {
            console.close();
            throw e;
        }
    }

    @Deactivate
    void unplug() {
        disk.close();
        console.close();
    }
}
