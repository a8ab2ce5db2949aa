package vendor.gpusim.gpu;

import java.util.List;
import mdev.api.Mdev;
import mdev.api.MdevType;
import mdev.api.ParentOps;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.sysfs.Attribute;
import mdev.api.sysfs.AttributeGroup;

/** A simulated GPU: its vGPUs take their frame buffers from its memory. */
public final class GpuParent implements ParentOps<Vgpu> {
    private final GpuMemory memory;
    private final Vgpus vgpus;

    /**
     * @param bytes of memory
     * @param vgpus learns of its vGPUs
     */
    public GpuParent(long bytes, Vgpus vgpus) {
        this.memory = new GpuMemory(bytes);
        this.vgpus = vgpus;
    }

    @Override
    public List<MdevType> supportedTypes() {
        return VgpuType.of(memory.total())
                .map(type -> type.mdevType(memory.total(), () -> memory.available(type)))
                .toList();
    }

    @Override
    public List<AttributeGroup> deviceAttributeGroups() {
        return List.of(new AttributeGroup(
                "gpu",
                List.of(
                        Attribute.readOnly("memory_total", () -> memory.total() + "\n"),
                        Attribute.readOnly("memory_free", () -> memory.free() + "\n"),
                        Attribute.readWrite(
                                "homogeneous", () -> memory.homogeneous() ? "1\n" : "0\n", this::homogeneous))));
    }

    private void homogeneous(String value) throws ErrnoException {
        switch (value.strip()) {
            case "0" -> memory.homogeneous(false);
            case "1" -> memory.homogeneous(true);
            default -> throw new ErrnoException(Errno.EINVAL, "'" + value.strip() + "' is neither 0 nor 1");
        }
    }

    @Override
    public Vgpu create(Mdev mdev) throws ErrnoException {
        VgpuType type = VgpuType.of(memory.total())
                .filter(candidate -> candidate.group().equals(mdev.type().group()))
                .findFirst()
                .orElseThrow(() -> new ErrnoException(Errno.EINVAL));
        memory.take(type); // given back in remove
        var vgpu = new Vgpu(mdev.uuid(), type);
        vgpus.add(vgpu);
        return vgpu;
    }

    @Override
    public void remove(Vgpu device) {
        vgpus.remove(device);
        memory.give(device.type());
    }
}
