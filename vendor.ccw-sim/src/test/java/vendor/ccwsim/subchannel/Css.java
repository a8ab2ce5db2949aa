package vendor.ccwsim.subchannel;

import java.util.Set;
import java.util.UUID;
import mdev.api.LiveUpdate;
import mdev.api.ParentDevice;
import mdev.api.errno.ErrnoException;
import mdev.core.Module;
import mdev.core.slot.ForeignBundle;
import vfio.mdev.CorePlatform;

/** The real core and VFIO driver with one subchannel, {@code 0.0.0042}. */
final class Css implements AutoCloseable {
    static final String PARENT = "/sys/devices/virtual/vfio_ccw/0.0.0042/";
    static final String TYPE = PARENT + "mdev_supported_types/vfio_ccw-io/";
    private static final SubchannelId ID = new SubchannelId(0, 0, 0x0042);
    private static final long BUNDLE = 100;

    final CorePlatform platform;
    final Consoles consoles = new Consoles();
    private final SubchannelAttachment attachment;
    private Module module;

    Css(SubchannelAttachment attachment) throws ErrnoException {
        this.attachment = attachment;
        platform = new CorePlatform();
        module = load("1.0.0");
    }

    private Module load(String version) throws ErrnoException {
        Module loaded = platform.core.module(new ForeignBundle("vendor.ccw-sim", version, BUNDLE));
        loaded.registerDevice(
                new ParentDevice("vfio_ccw", ID.toString()), new SubchannelParent(ID, attachment, consoles));
        return loaded;
    }

    /** Replaces the driver while its devices are in use. */
    void update() throws ErrnoException {
        try (LiveUpdate update = platform.core.update(BUNDLE, Set.of())) {
            module.close();
            module = load("2.0.0");
            update.complete();
        }
    }

    UUID create() throws ErrnoException {
        UUID uuid = UUID.randomUUID();
        platform.write(TYPE + "create", uuid.toString());
        return uuid;
    }

    Guest guest() throws ErrnoException {
        return guest(create());
    }

    Guest guest(UUID uuid) throws ErrnoException {
        vfio.mdev.Await.until(
                "the device is bound", () -> platform.vfio.devices().containsKey(uuid.toString()));
        return new Guest(platform, uuid);
    }

    @Override
    public void close() {
        platform.close();
    }
}
