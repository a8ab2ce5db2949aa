package vendor.gpusim;

import mdev.api.ParentDevice;
import mdev.api.ParentRegistry;
import mdev.api.Registration;
import mdev.api.errno.ErrnoException;
import vendor.gpusim.gpu.GpuParent;
import vendor.gpusim.gpu.Vgpus;

/**
 * A registered GPU; closing this unregisters it.
 *
 * @param gpu closed after {@code registration}
 * @param registration the parent's registration
 */
record Plug(GpuParent gpu, Registration registration) implements AutoCloseable {
    private static final String CLASS = "gpu-sim";

    /** @throws ErrnoException as for {@link ParentRegistry#registerDevice} */
    static Plug in(ParentRegistry registry, Vgpus vgpus, String name, long memory) throws ErrnoException {
        var gpu = new GpuParent(name, memory, vgpus);
        try {
            return new Plug(gpu, registry.registerDevice(new ParentDevice(CLASS, name), gpu));
        } catch (ErrnoException | RuntimeException e) {
            gpu.close();
            throw e;
        }
    }

    @Override
    public void close() {
        registration.close();
        gpu.close();
    }
}
