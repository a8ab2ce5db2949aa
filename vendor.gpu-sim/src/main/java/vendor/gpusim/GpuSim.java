package vendor.gpusim;

import mdev.api.ParentRegistry;
import mdev.api.errno.ErrnoException;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Deactivate;
import org.osgi.service.component.annotations.Reference;
import vendor.gpusim.gpu.Vgpus;

/** The GPU that is there without any configuration: {@code gpu0}, plugged in as long as the bundle runs. */
@Component(service = {})
public final class GpuSim {
    private static final long MEMORY = 256L << 20;

    /** Closed in {@link #unplug()}. */
    private final Plug plug;

    /** @throws ErrnoException as {@link ParentRegistry#registerDevice} says */
    @Activate
    public GpuSim(@Reference ParentRegistry registry, @Reference Vgpus vgpus) throws ErrnoException {
        plug = Plug.in(registry, vgpus, "gpu0", MEMORY);
    }

    @Deactivate
    void unplug() {
        plug.close();
    }
}
