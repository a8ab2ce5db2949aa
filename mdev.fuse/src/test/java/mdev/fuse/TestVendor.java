package mdev.fuse;

import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import mdev.api.Mdev;
import mdev.api.MdevType;
import mdev.api.ParentDevice;
import mdev.api.ParentOps;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.sysfs.Attribute;
import mdev.api.sysfs.AttributeGroup;
import mdev.api.vfio.DeviceOps;
import mdev.api.vfio.IoctlReply;
import mdev.api.vfio.IoctlRequest;

/** A vendor with the types of mtty, whose calls tests can hook into. */
final class TestVendor implements ParentOps<TestVendor.Port> {
    static final ParentDevice DEVICE = new ParentDevice("mtty", "mtty");

    /** Runs inside a call of the vendor. */
    @FunctionalInterface
    interface Step {
        void run(String uuid) throws ErrnoException;
    }

    private final AtomicInteger free;
    private final Map<String, Port> ports = new ConcurrentHashMap<>();
    private final AtomicInteger removed = new AtomicInteger();
    private final AtomicInteger stores = new AtomicInteger();
    volatile Step inCreate = _ -> {};
    volatile Step inRemove = _ -> {};
    volatile Step inShow = _ -> {};

    TestVendor(int ports) {
        free = new AtomicInteger(ports);
    }

    /** A device with one or two ports, and a value that can be written. */
    static final class Port implements DeviceOps {
        private final String uuid;
        private final int width;
        private volatile String value = "unset\n";

        Port(String uuid, int width) {
            this.uuid = uuid;
            this.width = width;
        }

        @Override
        public IoctlReply ioctl(IoctlRequest request) throws ErrnoException {
            throw new ErrnoException(Errno.ENOTTY);
        }
    }

    /** Changes the value of a device without a store. */
    void change(String uuid, String value) {
        Objects.requireNonNull(ports.get(uuid)).value = value;
    }

    int removed() {
        return removed.get();
    }

    /** The number of stores to the values of all devices. */
    int stores() {
        return stores.get();
    }

    int free() {
        return free.get();
    }

    @Override
    public List<MdevType> supportedTypes() {
        return List.of(
                MdevType.of("1", "Single port serial", "vfio-pci", free::get),
                MdevType.of("2", "Dual port serial", "vfio-pci", () -> free.get() / 2));
    }

    @Override
    public List<AttributeGroup> mdevAttributeGroups(Port port) {
        return List.of(new AttributeGroup(
                "vendor",
                List.of(
                        Attribute.readOnly("slow", () -> {
                            inShow.run(port.uuid);
                            return "shown\n";
                        }),
                        Attribute.readWrite("value", () -> port.value, value -> {
                            stores.incrementAndGet();
                            port.value = value;
                        }))));
    }

    @Override
    public Port create(Mdev mdev) throws ErrnoException {
        String uuid = mdev.uuid().toString();
        inCreate.run(uuid);
        int width = Integer.parseInt(mdev.type().group());
        if (free.addAndGet(-width) < 0) {
            free.addAndGet(width);
            throw new ErrnoException(Errno.ENOSPC);
        }
        Port port = new Port(uuid, width);
        ports.put(uuid, port);
        return port;
    }

    @Override
    public void remove(Port port) throws ErrnoException {
        inRemove.run(port.uuid);
        ports.remove(port.uuid);
        free.addAndGet(port.width);
        removed.incrementAndGet();
    }
}
