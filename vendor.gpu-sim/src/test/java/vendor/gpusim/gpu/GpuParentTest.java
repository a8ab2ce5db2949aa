package vendor.gpusim.gpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.OptionalInt;
import java.util.Random;
import java.util.UUID;
import java.util.stream.Collectors;
import mdev.api.Mdev;
import mdev.api.MdevType;
import mdev.api.ParentDevice;
import mdev.api.Slot;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.shell.UnknownNameException;
import mdev.api.state.DeviceState;
import mdev.api.sysfs.Attribute;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** The types, and the memory shared by their devices. */
class GpuParentTest {
    private record Request(UUID uuid, MdevType type) implements Mdev {
        @Override
        public ParentDevice parent() {
            return new ParentDevice("gpu-sim", "gpu0");
        }

        @Override
        public String typeId() {
            return "gpu-sim-" + type.group();
        }

        @Override
        public String deviceApi() {
            return "vfio-pci";
        }

        @Override
        public OptionalInt iommuGroup() {
            return OptionalInt.empty();
        }

        @Override
        public Slot slot() {
            throw new IllegalStateException();
        }
    }

    private final Vgpus vgpus = new Vgpus();
    private final GpuParent gpu = new GpuParent("gpu0", 256 << 20, vgpus);

    @AfterEach
    void close() {
        gpu.close();
    }

    private static Attribute attribute(List<Attribute> attributes, String name) {
        return attributes.stream()
                .filter(attribute -> attribute.name().equals(name))
                .findFirst()
                .orElseThrow();
    }

    private MdevType type(String group) {
        return gpu.supportedTypes().stream()
                .filter(type -> type.group().equals(group))
                .findFirst()
                .orElseThrow();
    }

    private String type(String group, String name) throws ErrnoException {
        return Objects.requireNonNull(attribute(type(group).attributes(), name).show())
                .show();
    }

    private Attribute attribute(String name) {
        return attribute(gpu.deviceAttributeGroups().getFirst().attributes(), name);
    }

    private String show(String name) throws ErrnoException {
        return Objects.requireNonNull(attribute(name).show()).show();
    }

    private void store(String name, String value) throws ErrnoException {
        Objects.requireNonNull(attribute(name).store()).store(value);
    }

    private void homogeneous(String value) throws ErrnoException {
        store("homogeneous", value);
    }

    private Vgpu create(String group) throws ErrnoException {
        return gpu.create(new Request(UUID.randomUUID(), type(group)));
    }

    private static void assertErrno(Errno errno, String message, ErrnoException refusal) {
        assertEquals(errno, refusal.errno());
        assertEquals(message, refusal.getMessage());
    }

    /** The number of available instances of each type. */
    private String available() throws ErrnoException {
        var available = new StringBuilder();
        for (MdevType type : gpu.supportedTypes()) {
            available.append(type(type.group(), "available_instances").strip()).append(' ');
        }
        return available.toString().strip();
    }

    @Test
    void typesDescribeThemselves() throws ErrnoException {
        assertEquals(
                List.of("8m", "16m", "32m", "64m", "128m"),
                gpu.supportedTypes().stream().map(MdevType::group).toList());
        assertEquals("gpu-sim 16m\n", type("16m", "name"));
        assertEquals("vfio-pci\n", type("16m", "device_api"));
        assertEquals(
                "num_heads=1, framebuffer=16M, max_resolution=1920x1080, max_instance=16\n",
                type("16m", "description"));
        try (var small = new GpuParent("gpu1", 16 << 20, vgpus)) {
            assertEquals(2, small.supportedTypes().size(), "what fits");
        }
    }

    @Test
    void availableInstancesFollowTheMemory() throws ErrnoException {
        assertEquals("32 16 8 4 2", available());
        Vgpu large = create("128m");
        Vgpu small = create("8m");
        assertEquals("15 7 3 1 0", available());
        assertEquals("125829120\n", show("memory_free"));
        assertEquals("268435456\n", show("memory_total"));
        var refusal = assertThrows(ErrnoException.class, () -> create("128m"));
        assertErrno(Errno.ENOSPC, "120 of 256 MiB are free, 128 are needed", refusal);
        gpu.remove(large);
        gpu.remove(small);
        assertEquals("32 16 8 4 2", available());
    }

    @Test
    void nextVersionGetsTheSettings() throws ErrnoException {
        homogeneous("1\n");
        store("scheduler_policy", "fixed_share\n");
        try (var next = new GpuParent("gpu0", 256 << 20, new Vgpus())) {
            next.restoreSettings(gpu.saveSettings());
            assertEquals(gpu.saveSettings(), next.saveSettings());
            var unknown = DeviceState.version(1).with("homogeneous", true).with("schedulerPolicy", "fair");
            assertThrows(ErrnoException.class, () -> next.restoreSettings(unknown));
        }
    }

    @Test
    void homogeneousGpuHasOneTypeAtATime() throws ErrnoException {
        Vgpu large = create("64m");
        Vgpu small = create("8m");
        assertErrno(
                Errno.EBUSY,
                "the GPU has vGPUs of 2 types: remove some first",
                assertThrows(ErrnoException.class, () -> homogeneous("1\n")));
        assertEquals("0\n", show("homogeneous"));
        gpu.remove(small);
        homogeneous("1\n");
        assertEquals("1\n", show("homogeneous"));
        assertEquals("0 0 0 3 0", available());
        assertErrno(
                Errno.ENOSPC,
                "the GPU is homogeneous and has vGPUs of another type",
                assertThrows(ErrnoException.class, () -> create("8m")));
        gpu.remove(large);
        assertEquals("32 16 8 4 2", available());
        assertErrno(
                Errno.EINVAL,
                "'yes' is neither 0 nor 1",
                assertThrows(ErrnoException.class, () -> homogeneous("yes\n")));
    }

    @Test
    void policyIsOneOfThree() throws ErrnoException {
        assertEquals("best_effort\n", show("scheduler_policy"));
        for (String policy : List.of("equal_share\n", "fixed_share\n", "best_effort\n", "equal_share\n")) {
            store("scheduler_policy", policy);
            assertEquals(policy, show("scheduler_policy"));
        }
        assertErrno(
                Errno.EINVAL,
                "no policy 'fair': best_effort, equal_share, fixed_share",
                assertThrows(ErrnoException.class, () -> store("scheduler_policy", "fair\n")));
        assertEquals("equal_share\n", show("scheduler_policy"));
    }

    /**
     * Random creates and removes: the free memory and the available instances always match the sizes of the existing
     * vGPUs.
     */
    @Test
    void mixedVgpusTakeTheMemoryOfTheirTypes() throws ErrnoException {
        List<Integer> sizes = List.of(8, 16, 32, 64, 128);
        Random random = new Random(1);
        List<Vgpu> vgpus = new ArrayList<>();
        long free = 256;
        for (int step = 0; step < 2000; step++) {
            int size = sizes.get(random.nextInt(sizes.size()));
            if (random.nextBoolean() && !vgpus.isEmpty()) {
                Vgpu gone = vgpus.remove(random.nextInt(vgpus.size()));
                gpu.remove(gone);
                free += gone.type().memory() >> 20;
            } else if (size <= free) {
                vgpus.add(create(size + "m"));
                free -= size;
            } else {
                assertEquals(
                        Errno.ENOSPC,
                        assertThrows(ErrnoException.class, () -> create(size + "m"))
                                .errno());
            }
            assertEquals((free << 20) + "\n", show("memory_free"));
            long left = free;
            assertEquals(
                    sizes.stream().map(one -> Long.toString(left / one)).collect(Collectors.joining(" ")), available());
        }
    }

    @Test
    void vgpusAreListedWhileTheyExist() throws ErrnoException {
        Vgpu vgpu = create("8m");
        String uuid = vgpu.uuid().toString();
        assertEquals(List.of(uuid), vgpus.names());
        assertEquals(vgpu, vgpus.find(uuid));
        var other = new UUID(0, 7).toString();
        assertUnknown(other, List.of(uuid));
        assertErrno(Errno.EINVAL, "'x' is not a UUID", assertThrows(ErrnoException.class, () -> vgpus.find("x")));
        gpu.remove(vgpu);
        assertUnknown(uuid, List.of());
    }

    private void assertUnknown(String uuid, List<String> known) {
        UnknownNameException unknown = assertThrows(UnknownNameException.class, () -> vgpus.find(uuid));
        assertErrno(Errno.ENODEV, "no vGPU '" + uuid + "'", unknown);
        assertEquals(known, unknown.known());
    }
}
