package vendor.mtty;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.OptionalInt;
import java.util.UUID;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import mdev.api.Mdev;
import mdev.api.MdevType;
import mdev.api.ParentDevice;
import mdev.api.Slot;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.sysfs.Attribute;
import mdev.api.sysfs.AttributeGroup;
import org.junit.jupiter.api.Test;

/** Types, attributes, and the 24 ports that the types share. */
class MttyParentTest {
    /** The arguments that the core passes to {@code create}. */
    private record Request(UUID uuid, MdevType type) implements Mdev {
        @Override
        public ParentDevice parent() {
            return MttyParent.DEVICE;
        }

        @Override
        public String typeId() {
            return "mtty-" + type.group();
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

    private final MttyParent parent = new MttyParent();
    private final List<MdevType> types = parent.supportedTypes();

    private MttyDevice create(int type) throws ErrnoException {
        return parent.create(new Request(UUID.randomUUID(), types.get(type)));
    }

    private static String show(List<Attribute> attributes, String name) throws ErrnoException {
        for (Attribute attribute : attributes) {
            if (attribute.name().equals(name)) {
                return Objects.requireNonNull(attribute.show()).show();
            }
        }
        throw new AssertionError("no attribute " + name);
    }

    private String available() throws ErrnoException {
        return show(types.get(0).attributes(), "available_instances")
                + show(types.get(1).attributes(), "available_instances");
    }

    @Test
    void typesMatchTheSample() throws ErrnoException {
        assertEquals(List.of("1", "2"), types.stream().map(MdevType::group).toList());
        assertEquals("Single port serial\n", show(types.get(0).attributes(), "name"));
        assertEquals("Dual port serial\n", show(types.get(1).attributes(), "name"));
        for (MdevType type : types) {
            assertEquals("vfio-pci\n", show(type.attributes(), "device_api"));
            assertEquals(3, type.attributes().size(), "no description, as in the sample");
        }
    }

    @Test
    void attributesMatchTheSample() throws ErrnoException {
        AttributeGroup phy = parent.deviceAttributeGroups().getFirst();
        assertEquals("mtty_dev", phy.name());
        assertEquals("This is phy device\n", show(phy.attributes(), "sample_mtty_dev"));
        var uuid = UUID.fromString("83b8f4f2-509f-382f-3c1e-e6bfe0fa1001");
        AttributeGroup vendor = parent.mdevAttributeGroups(parent.create(new Request(uuid, types.get(1))))
                .getFirst();
        assertEquals("vendor", vendor.name());
        assertEquals(
                "This is MDEV 83b8f4f2-509f-382f-3c1e-e6bfe0fa1001\n", show(vendor.attributes(), "sample_mdev_dev"));
    }

    @Test
    void typesShareThePorts() throws ErrnoException {
        assertEquals("24\n12\n", available());
        MttyDevice single = create(0);
        assertEquals("23\n11\n", available());
        MttyDevice dual = create(1);
        assertEquals("21\n10\n", available());
        parent.remove(single);
        parent.remove(dual);
        assertEquals("24\n12\n", available());
    }

    @Test
    void createBeyondTheLimitFailsAndChangesNothing() throws ErrnoException {
        for (int i = 0; i < 23; i++) {
            create(0);
        }
        assertEquals("1\n0\n", available());
        var refusal = assertThrows(ErrnoException.class, () -> create(1));
        assertEquals(Errno.ENOSPC, refusal.errno());
        assertEquals("1 of 24 ports are free, 2 are needed", refusal.getMessage());
        assertEquals("1\n0\n", available());
        create(0);
        assertEquals(
                Errno.ENOSPC,
                assertThrows(ErrnoException.class, () -> create(0)).errno());
    }

    @Test
    void rejectsATypeOfAnotherParent() {
        var stranger = MdevType.of("3", "Triple", "vfio-pci", () -> 1);
        var refusal = assertThrows(ErrnoException.class, () -> parent.create(new Request(new UUID(0, 1), stranger)));
        assertEquals(Errno.EINVAL, refusal.errno());
    }

    @Test
    void concurrentCreatesNeverExceedThePorts() throws InterruptedException, ExecutionException, ErrnoException {
        var made = new ConcurrentLinkedQueue<MttyDevice>();
        for (int round = 0; round < 200; round++) {
            List<Future<?>> creators = new ArrayList<>();
            try (var pool = Executors.newFixedThreadPool(4)) {
                for (int i = 0; i < 20; i++) {
                    creators.add(pool.submit(() -> {
                        try {
                            made.add(create(1));
                        } catch (ErrnoException e) {
                            assertEquals(Errno.ENOSPC, e.errno());
                        }
                    }));
                }
            }
            for (Future<?> creator : creators) {
                creator.get();
            }
            assertEquals(12, made.size());
            assertEquals("0\n0\n", available());
            for (MttyDevice device = made.poll(); device != null; device = made.poll()) {
                parent.remove(device);
            }
            assertEquals("24\n12\n", available());
        }
    }
}
