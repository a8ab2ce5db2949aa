package mdev.core;

import java.util.List;
import java.util.Set;
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

/** A vendor with the types and attributes of mtty; tests can hook into its calls. */
final class TestMtty implements ParentOps<TestMtty.Port> {
    static final ParentDevice DEVICE = new ParentDevice("mtty", "mtty");

    /** Runs inside a call of the vendor. */
    @FunctionalInterface
    interface Step {
        void run(String uuid) throws ErrnoException;
    }

    private final int ports;
    private final AtomicInteger free;
    private final Set<String> alive = ConcurrentHashMap.newKeySet();
    volatile Step inCreate = _ -> {};
    volatile Step inMayRemove = _ -> {};
    volatile Step inRemove = _ -> {};
    volatile Step inShow = _ -> {};

    /** How often create returned a device and remove freed one. */
    final AtomicInteger created = new AtomicInteger();

    final AtomicInteger removed = new AtomicInteger();

    TestMtty(int ports) {
        this.ports = ports;
        this.free = new AtomicInteger(ports);
    }

    TestMtty() {
        this(24);
    }

    /** A device with one or two ports. */
    record Port(String uuid, int width) implements DeviceOps {
        @Override
        public IoctlReply ioctl(IoctlRequest request) throws ErrnoException {
            throw new ErrnoException(Errno.ENOTTY);
        }
    }

    @Override
    public List<MdevType> supportedTypes() {
        return List.of(
                MdevType.of("1", "Single port serial", "vfio-pci", free::get),
                MdevType.of("2", "Dual port serial", "vfio-pci", () -> free.get() / 2));
    }

    @Override
    public List<AttributeGroup> deviceAttributeGroups() {
        return List.of(new AttributeGroup(
                "mtty_dev", List.of(Attribute.readOnly("sample_mtty_dev", () -> "This is phy device\n"))));
    }

    @Override
    public List<AttributeGroup> mdevAttributeGroups(Port port) {
        return List.of(new AttributeGroup("vendor", List.of(Attribute.readOnly("sample_mdev_dev", () -> {
            inShow.run(port.uuid());
            return "This is MDEV " + port.uuid() + "\n";
        }))));
    }

    @Override
    public Port create(Mdev mdev) throws ErrnoException {
        String uuid = mdev.uuid().toString();
        inCreate.run(uuid);
        int width = Integer.parseInt(mdev.type().group());
        int left = free.addAndGet(-width);
        if (left < 0) {
            free.addAndGet(width);
            throw new ErrnoException(Errno.ENOSPC);
        }
        if (!alive.add(uuid)) {
            throw new IllegalStateException(uuid + " is created twice");
        }
        created.incrementAndGet();
        return new Port(uuid, width);
    }

    @Override
    public void mayRemove(Port port) throws ErrnoException {
        if (!alive.contains(port.uuid())) {
            throw new IllegalStateException(port.uuid() + " is asked about, and gone");
        }
        inMayRemove.run(port.uuid());
    }

    @Override
    public void remove(Port port) throws ErrnoException {
        inRemove.run(port.uuid());
        if (!alive.remove(port.uuid())) {
            throw new IllegalStateException(port.uuid() + " is removed twice");
        }
        free.addAndGet(port.width());
        removed.incrementAndGet();
    }

    /** Asserts that no device has left anything behind. */
    boolean balanced() {
        return alive.isEmpty() && free.get() == ports && created.get() == removed.get();
    }
}
