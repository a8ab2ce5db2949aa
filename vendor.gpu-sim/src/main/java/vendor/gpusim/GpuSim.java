package vendor.gpusim;

import mdev.api.ParentRegistry;
import mdev.api.errno.ErrnoException;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Deactivate;
import org.osgi.service.component.annotations.Reference;
import vendor.gpusim.gpu.Vgpus;

/** The default GPU without configuration: {@code gpu0}, registered while the bundle runs. */
@Component(service = {})
public final class GpuSim {
    private static final long MEMORY = 256L << 20;

    private final ParentRegistry registry;
    private final Vgpus vgpus;

    /** Closed in {@link #unplug()}. */
    private Plug plug;

    @Activate
    public GpuSim(@Reference ParentRegistry registry, @Reference Vgpus vgpus) {
        this.registry = registry;
        this.vgpus = vgpus;
    }

    /** @throws ErrnoException as for {@link ParentRegistry#registerDevice} */
    @Activate
    void plugIn() throws ErrnoException {
        plug = Plug.in(registry, vgpus, Plug.virtual("gpu0"), MEMORY);
    }

    @Deactivate
    void unplug() {
        plug.close();
    }
}
