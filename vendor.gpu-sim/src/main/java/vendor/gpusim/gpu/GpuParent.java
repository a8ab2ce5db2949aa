package vendor.gpusim.gpu;

import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import mdev.api.Mdev;
import mdev.api.MdevType;
import mdev.api.ParentOps;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.state.DeviceState;
import mdev.api.state.StatefulParent;
import mdev.api.sysfs.Attribute;
import mdev.api.sysfs.AttributeGroup;
import vendor.gpusim.display.Mode;
import vendor.gpusim.engine.Engine;
import vendor.gpusim.engine.EngineCounters;
import vendor.gpusim.engine.Policy;

/** A simulated GPU; the frame buffers of its vGPUs are allocated from its memory. */
public final class GpuParent implements ParentOps<Vgpu>, StatefulParent, AutoCloseable {
    private final GpuMemory memory;
    private final Vgpus vgpus;

    /** Closed in {@link #close()}. */
    private final Engine engine;

    /**
     * @param name the parent's name
     * @param bytes the memory size
     * @param vgpus notified of created and removed vGPUs
     */
    public GpuParent(String name, long bytes, Vgpus vgpus) {
        this.engine = new Engine(name);
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
                                "homogeneous", () -> memory.homogeneous() ? "1\n" : "0\n", this::homogeneous),
                        Attribute.readWrite(
                                "scheduler_policy", () -> engine.policy().label() + "\n", this::policy),
                        Attribute.readOnly(
                                "engine_utilisation", () -> Math.round(100 * engine.utilisation()) + "\n"))));
    }

    @Override
    public List<AttributeGroup> mdevAttributeGroups(Vgpu device) {
        EngineCounters counters = device.counters();
        var display = new AttributeGroup(
                "display",
                List.of(Attribute.readOnly(
                        "mode", () -> device.mode().map(Mode::toString).orElse("off") + "\n")));
        var shares = new AttributeGroup(
                "engine",
                List.of(
                        Attribute.readOnly("busy_ns", () -> counters.busy() + "\n"),
                        Attribute.readOnly("waiting_ns", () -> counters.waiting() + "\n"),
                        Attribute.readOnly("commands", () -> counters.commands() + "\n"),
                        Attribute.readOnly("frames", () -> counters.frames() + "\n"),
                        Attribute.readOnly("bytes_moved", () -> counters.bytes() + "\n")));
        return List.of(display, shares);
    }

    private void policy(String value) throws ErrnoException {
        engine.policy(Policy.of(value.strip())
                .orElseThrow(() -> new ErrnoException(
                        Errno.EINVAL,
                        "no policy '" + value.strip() + "': "
                                + Stream.of(Policy.values()).map(Policy::label).collect(Collectors.joining(", ")))));
    }

    private void homogeneous(String value) throws ErrnoException {
        switch (value.strip()) {
            case "0" -> memory.homogeneous(false);
            case "1" -> memory.homogeneous(true);
            default -> throw new ErrnoException(Errno.EINVAL, "'" + value.strip() + "' is neither 0 nor 1");
        }
    }

    @Override
    public DeviceState saveSettings() {
        return DeviceState.version(1)
                .with("homogeneous", memory.homogeneous())
                .with("schedulerPolicy", engine.policy().label());
    }

    @Override
    public void restoreSettings(DeviceState settings) throws ErrnoException {
        memory.homogeneous(settings.flag("homogeneous"));
        policy(settings.text("schedulerPolicy"));
    }

    @Override
    public Vgpu create(Mdev mdev) throws ErrnoException {
        VgpuType type = VgpuType.of(memory.total())
                .filter(candidate -> candidate.group().equals(mdev.type().group()))
                .findFirst()
                .orElseThrow(() -> new ErrnoException(Errno.EINVAL));
        var vgpu = new Vgpu(mdev.uuid(), type, engine, (double) type.memory() / memory.total());
        memory.take(type); // freed in remove
        vgpus.add(vgpu);
        return vgpu;
    }

    @Override
    public void remove(Vgpu device) {
        vgpus.remove(device);
        memory.give(device.type());
    }

    /** Stops the engine; called after the last device is removed. */
    @Override
    public void close() {
        engine.close();
    }
}
