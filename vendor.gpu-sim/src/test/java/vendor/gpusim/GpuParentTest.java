package vendor.gpusim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.OptionalInt;
import java.util.UUID;
import mdev.api.Mdev;
import mdev.api.MdevType;
import mdev.api.ParentDevice;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.sysfs.Attribute;
import mdev.api.vfio.DeviceOps;
import org.junit.jupiter.api.Test;

/** The type, and the memory that its devices share. */
class GpuParentTest {
    private record Request(UUID uuid, MdevType type) implements Mdev {
        @Override
        public ParentDevice parent() {
            return GpuParent.DEVICE;
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
        public DeviceOps ops() {
            throw new IllegalStateException();
        }
    }

    private final GpuParent parent = new GpuParent();
    private final MdevType type = parent.supportedTypes().getFirst();

    private String show(String name) throws ErrnoException {
        for (Attribute attribute : type.attributes()) {
            if (attribute.name().equals(name)) {
                return Objects.requireNonNull(attribute.show()).show();
            }
        }
        throw new AssertionError("no attribute " + name);
    }

    private Vgpu create() throws ErrnoException {
        return parent.create(new Request(UUID.randomUUID(), type));
    }

    @Test
    void theTypeSaysWhatItIs() throws ErrnoException {
        assertEquals("16m", type.group());
        assertEquals("gpu-sim 16m\n", show("name"));
        assertEquals("vfio-pci\n", show("device_api"));
        assertEquals("num_heads=1, framebuffer=16M, max_resolution=1920x1080, max_instance=16\n", show("description"));
    }

    @Test
    void memoryIsTheLimit() throws ErrnoException {
        List<Vgpu> made = new ArrayList<>();
        for (int left = 16; left > 0; left--) {
            assertEquals(left + "\n", show("available_instances"));
            made.add(create());
        }
        var refusal = assertThrows(ErrnoException.class, this::create);
        assertEquals(Errno.ENOSPC, refusal.errno());
        assertEquals("0 of 256 MiB are free, 16 are needed", refusal.getMessage());
        assertEquals("0\n", show("available_instances"));
        made.forEach(parent::remove);
        assertEquals("16\n", show("available_instances"));
    }
}
