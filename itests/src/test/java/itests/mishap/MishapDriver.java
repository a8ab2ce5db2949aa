package itests.mishap;

import java.util.List;
import mdev.api.Mdev;
import mdev.api.MdevType;
import mdev.api.ParentDevice;
import mdev.api.ParentOps;
import mdev.api.ParentRegistry;
import mdev.api.Registration;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.VfioPci;
import mdev.pci.PciDevice;
import org.osgi.framework.BundleContext;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Deactivate;
import org.osgi.service.component.annotations.Reference;

/** A driver that has a {@link Mishap} after it has registered, or before it unregisters. */
@Component(service = {})
public final class MishapDriver implements ParentOps<PciDevice> {
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
        return List.of(MdevType.of("1", "mishap", VfioPci.DEVICE_API, () -> 0));
    }

    @Override
    public PciDevice create(Mdev mdev) {
        throw new UnsupportedOperationException();
    }

    @Override
    public void remove(PciDevice device) {
        // none was created
    }
}
