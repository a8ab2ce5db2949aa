package vendor.gpusim;

import mdev.api.ParentRegistry;
import mdev.api.Registration;
import mdev.api.errno.ErrnoException;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Deactivate;
import org.osgi.service.component.annotations.Reference;

/** Plugs the GPU in as long as the bundle runs. */
@Component(service = {})
public final class GpuSim {
    /** Closed in {@link #unplug()}. */
    private final Registration registration;

    /** @throws ErrnoException as {@link ParentRegistry#registerDevice} says */
    @Activate
    public GpuSim(@Reference ParentRegistry registry) throws ErrnoException {
        registration = registry.registerDevice(GpuParent.DEVICE, new GpuParent());
    }

    @Deactivate
    void unplug() {
        registration.close();
    }
}
