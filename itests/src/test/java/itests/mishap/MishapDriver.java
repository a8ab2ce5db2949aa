package itests.mishap;

import java.util.List;
import mdev.api.Mdev;
import mdev.api.MdevType;
import mdev.api.ParentDevice;
import mdev.api.ParentOps;
import mdev.api.ParentRegistry;
import mdev.api.Registration;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.DeviceOps;
import mdev.api.vfio.VfioPci;
import org.osgi.framework.BundleContext;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Deactivate;
import org.osgi.service.component.annotations.Reference;

/** A driver that has a {@link Mishap} after it has registered, before it unregisters, or when a device is removed. */
@Component(service = {})
public final class MishapDriver implements ParentOps<DeviceOps> {
    private final Mishap mishap;
    private final Registration registration;

    @Activate
    public MishapDriver(BundleContext context, @Reference ParentRegistry registry) throws ErrnoException {
        mishap = new Mishap(context);
        registration = registry.registerDevice(new ParentDevice("mishap", "mishap0"), this);
        mishap.at("activate");
    }

    @Deactivate
    void exit() {
        mishap.at("deactivate");
        registration.close();
    }

    @Override
    public List<MdevType> supportedTypes() {
        return List.of(MdevType.of("1", "mishap", VfioPci.DEVICE_API, () -> 1));
    }

    @Override
    public DeviceOps create(Mdev mdev) {
        return _ -> {
            throw new ErrnoException(Errno.ENOTTY);
        };
    }

    @Override
    public void remove(DeviceOps device) {
        mishap.at("remove");
    }
}
