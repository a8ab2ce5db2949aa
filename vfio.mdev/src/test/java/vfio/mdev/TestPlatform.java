package vfio.mdev;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import mdev.api.ClassDevice;
import mdev.api.ClassRegistry;
import mdev.api.Mdev;
import mdev.api.MdevDriver;
import mdev.api.MdevType;
import mdev.api.ParentDevice;
import mdev.api.Registration;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.DeviceOps;
import mdev.api.vfio.VfioPci;
import mdev.core.slot.ForeignBundle;
import mdev.core.slot.VendorSlot;
import mdev.sync.BoundedCalls;
import vfio.mdev.container.IommuDrivers;
import vfio.mdev.iommu.Type1Driver;
import vfio.mdev.iommu.memory.UserMemories;

/** The driver on a test bus: only the core's side of the contract. */
public final class TestPlatform implements AutoCloseable {
    public static final Duration PATIENCE = Duration.ofMinutes(1);

    /** The additions to and removals from the tree, in order. */
    public final List<String> tree = Collections.synchronizedList(new ArrayList<>());

    public final List<ClassDevice> nodes = Collections.synchronizedList(new ArrayList<>());
    public final IommuDrivers iommuDrivers = new IommuDrivers();
    public final VfioMdev vfio;
    private final BoundedCalls calls = new BoundedCalls("test-call");
    private final List<Mdev> bound = Collections.synchronizedList(new ArrayList<>());

    public TestPlatform() throws ErrnoException {
        this(Duration.ofSeconds(10));
    }

    /** @param ask how long to wait for a user with an armed REQ interrupt */
    public TestPlatform(Duration ask) throws ErrnoException {
        UserMemories memories = new UserMemories();
        iommuDrivers.addDriver(new Type1Driver(memories));
        vfio = new VfioMdev(new Tree(), this::register, iommuDrivers, memories);
        vfio.start(Map.of("requestTimeout", ask.toMillis()));
    }

    private final class Tree implements ClassRegistry {
        private final Set<String> there = ConcurrentHashMap.newKeySet();

        @Override
        public Registration createClass(String name) throws ErrnoException {
            return shown("/class/" + name);
        }

        @Override
        public Registration createDevice(ClassDevice device) throws ErrnoException {
            nodes.add(device);
            return shown("/devices/virtual/" + device.className() + "/" + device.name());
        }

        private Registration shown(String path) throws ErrnoException {
            if (!there.add(path)) {
                throw new ErrnoException(Errno.EEXIST, path + " already exists");
            }
            tree.add("add@" + path);
            return new Shown(path);
        }

        private final class Shown implements Registration {
            private final String path;
            private boolean gone;

            Shown(String path) {
                this.path = path;
            }

            @Override
            public synchronized void close() {
                if (!gone) {
                    gone = true;
                    tree.add("remove@" + path);
                    there.remove(path);
                }
            }
        }
    }

    private Registration register(MdevDriver driver) {
        tree.add("add@" + driver.name());
        return () -> {
            List.copyOf(bound).forEach(this::remove);
            tree.add("remove@" + driver.name());
        };
    }

    private record Device(UUID uuid, String deviceApi, int group, VendorSlot slot) implements Mdev {
        @Override
        public ParentDevice parent() {
            return new ParentDevice("test", "test0");
        }

        @Override
        public MdevType type() {
            return MdevType.of("2", "Test", deviceApi, () -> 1);
        }

        @Override
        public String typeId() {
            return "test-2";
        }

        @Override
        public OptionalInt iommuGroup() {
            return OptionalInt.of(group);
        }
    }

    /** Creates a device and probes it. */
    public Mdev add(int group, DeviceOps ops) throws ErrnoException {
        return add(VfioPci.DEVICE_API, group, ops);
    }

    public Mdev add(String deviceApi, int group, DeviceOps ops) throws ErrnoException {
        UUID uuid = UUID.randomUUID();
        VendorSlot slot = new VendorSlot(new ForeignBundle("vendor.test", "1", 1), uuid.toString(), calls);
        slot.install(ops);
        Mdev mdev = new Device(uuid, deviceApi, group, slot);
        vfio.probe(mdev);
        bound.add(mdev);
        return mdev;
    }

    public void remove(Mdev mdev) {
        remove(mdev, PATIENCE);
    }

    public void remove(Mdev mdev, Duration patience) {
        if (bound.remove(mdev)) {
            vfio.remove(mdev, patience);
        }
    }

    public OpenedDevice open(Mdev mdev) throws ErrnoException {
        return OpenedDevice.open(
                vfio, mdev.iommuGroup().orElseThrow(), mdev.uuid().toString(), "test");
    }

    @Override
    public void close() {
        vfio.close();
    }
}
