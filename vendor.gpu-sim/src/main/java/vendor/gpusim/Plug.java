package vendor.gpusim;

import mdev.api.ParentDevice;
import mdev.api.ParentRegistry;
import mdev.api.PciIdentity;
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

    /** A 3D controller with the vendor and device of QEMU's display, which its vGPUs have, too. */
    private static final PciIdentity PCI = new PciIdentity(0x1234, 0x1111, 0x1af4, 0x1100, 0x030200, 0x00);

    static ParentDevice virtual(String name) {
        return new ParentDevice(CLASS, name);
    }

    static ParentDevice pci(String address) {
        return new ParentDevice(CLASS, address, PCI);
    }

    /** @throws ErrnoException as for {@link ParentRegistry#registerDevice} */
    static Plug in(ParentRegistry registry, Vgpus vgpus, ParentDevice device, long memory) throws ErrnoException {
        var gpu = new GpuParent(device.name(), memory, vgpus);
        try {
            return new Plug(gpu, registry.registerDevice(device, gpu));
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
