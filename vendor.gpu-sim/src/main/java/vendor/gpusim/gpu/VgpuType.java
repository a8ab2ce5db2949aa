package vendor.gpusim.gpu;

import java.util.List;
import java.util.function.IntSupplier;
import java.util.stream.Stream;
import mdev.api.MdevType;
import mdev.api.sysfs.Attribute;
import mdev.api.vfio.VfioPci;

/**
 * A size of vGPU.
 *
 * @param memory the frame buffer in bytes, a power of two
 * @param width the largest resolution
 * @param height the largest resolution
 */
record VgpuType(long memory, int width, int height) {
    private static final List<VgpuType> ALL = List.of(
            new VgpuType(8L << 20, 1280, 800),
            new VgpuType(16L << 20, 1920, 1080),
            new VgpuType(32L << 20, 2560, 1600),
            new VgpuType(64L << 20, 3840, 2160),
            new VgpuType(128L << 20, 3840, 2160));

    /** The types of which a GPU of this memory size has at least one instance. */
    static Stream<VgpuType> of(long gpuMemory) {
        return ALL.stream().filter(type -> type.memory <= gpuMemory);
    }

    String group() {
        return (memory >> 20) + "m";
    }

    /** The description for vGPU users. */
    private String description(long gpuMemory) {
        return "num_heads=1, framebuffer=%dM, max_resolution=%dx%d, max_instance=%d\n"
                .formatted(memory >> 20, width, height, gpuMemory / memory);
    }

    /** The type with its files; {@code available} as for {@link MdevType#of}. */
    MdevType mdevType(long gpuMemory, IntSupplier available) {
        String description = description(gpuMemory);
        return new MdevType(
                group(),
                List.of(
                        Attribute.readOnly(MdevType.NAME, () -> "gpu-sim " + group() + "\n"),
                        Attribute.readOnly(MdevType.DEVICE_API, () -> VfioPci.DEVICE_API + "\n"),
                        Attribute.readOnly(MdevType.AVAILABLE_INSTANCES, () -> available.getAsInt() + "\n"),
                        Attribute.readOnly(MdevType.DESCRIPTION, () -> description)));
    }
}
