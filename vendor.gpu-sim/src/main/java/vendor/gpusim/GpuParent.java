package vendor.gpusim;

import java.util.List;
import mdev.api.Mdev;
import mdev.api.MdevType;
import mdev.api.ParentDevice;
import mdev.api.ParentOps;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;

/** The simulated GPU: its vGPUs take their frame buffers from its memory. */
final class GpuParent implements ParentOps<Vgpu> {
    static final ParentDevice DEVICE = new ParentDevice("gpu-sim", "gpu0");

    private static final VgpuType TYPE = VgpuType.M16;

    private final GpuMemory memory = new GpuMemory(256L << 20);

    @Override
    public List<MdevType> supportedTypes() {
        return List.of(TYPE.mdevType(memory.total(), () -> (int) (memory.free() / TYPE.memory())));
    }

    @Override
    public Vgpu create(Mdev mdev) throws ErrnoException {
        memory.take(TYPE.memory());
        try {
            return new Vgpu(TYPE);
        } catch (OutOfMemoryError e) {
            // The GPU has it, this process has not.
            memory.give(TYPE.memory());
            throw new ErrnoException(Errno.ENOMEM);
        }
    }

    @Override
    public void remove(Vgpu device) {
        device.close();
        memory.give(device.type().memory());
    }
}
