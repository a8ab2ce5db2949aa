package mdev.core;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Queue;
import java.util.UUID;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import mdev.api.Registration;
import mdev.api.Uevent;
import mdev.api.errno.ErrnoException;
import mdev.api.sysfs.Sysfs;
import mdev.api.sysfs.SysfsFile;
import mdev.core.golden.Answers;
import mdev.core.slot.ForeignBundle;
import mdev.sync.BoundedCalls;

/** A core with the bundles that tests load into it. */
class Rig implements AutoCloseable {
    static final String TYPES = "/sys/devices/virtual/mtty/mtty/mdev_supported_types/";
    static final String DEVICES = "/sys/bus/mdev/devices/";
    static final Duration LONG = Duration.ofSeconds(60);

    private final Queue<Uevent> heard = new ConcurrentLinkedQueue<>();
    final MdevCore core;
    final Module vendor;
    final Module vfio;

    Rig(Limits limits) {
        this(limits, new BoundedCalls("mdev-call"));
    }

    Rig(Limits limits, BoundedCalls calls) {
        this(limits, calls, Path.of("/no/pci"));
    }

    /** @param hostPci the host's {@code /sys/bus/pci/devices} */
    Rig(Limits limits, BoundedCalls calls, Path hostPci) {
        core = new MdevCore(new ForeignBundle("mdev.core", "0.1.0", 1), limits, heard::add, calls, hostPci);
        vendor = core.module(new ForeignBundle("vendor.mtty", "1.0.0", 2));
        vfio = core.module(new ForeignBundle("vfio.mdev", "1.0.0", 3));
    }

    Rig() {
        this(Limits.STANDARD);
    }

    /** Uses limits that are never reached, even on a busy machine. */
    static Rig patient() {
        return new Rig(new Limits(LONG, LONG, LONG));
    }

    /** Uses limits short enough for a test to wait for. */
    static Rig impatient() {
        return new Rig(new Limits(Duration.ofMillis(200), Duration.ofMillis(100), Duration.ofMillis(200)));
    }

    /** The events so far. */
    List<Uevent> events() {
        return List.copyOf(heard);
    }

    Registration load(TestMtty mtty) throws ErrnoException {
        return vendor.registerDevice(TestMtty.DEVICE, mtty);
    }

    TestVfio loadVfio() throws ErrnoException {
        TestVfio driver = new TestVfio(vfio);
        vfio.registerDriver(driver);
        return driver;
    }

    MdevDevice device(UUID uuid) {
        return core.devices().stream()
                .filter(device -> device.uuid().equals(uuid))
                .findFirst()
                .orElseThrow();
    }

    Sysfs sysfs() {
        return core.sysfs();
    }

    void create(String type, UUID uuid) throws ErrnoException {
        write(TYPES + type + "/create", uuid.toString());
    }

    UUID create(String type) throws ErrnoException {
        UUID uuid = UUID.randomUUID();
        create(type, uuid);
        return uuid;
    }

    void remove(UUID uuid) throws ErrnoException {
        write(DEVICES + uuid + "/remove", "1");
    }

    int write(String path, String value) throws ErrnoException {
        return file(path).write(value.getBytes(StandardCharsets.ISO_8859_1));
    }

    String read(String path) throws ErrnoException {
        return new String(file(path).read(), StandardCharsets.UTF_8);
    }

    SysfsFile file(String path) throws ErrnoException {
        return (SysfsFile) sysfs().lookup(path, true);
    }

    String answer(String path) {
        return Answers.actual(sysfs(), path);
    }

    boolean exists(String path) {
        return !answer(path).startsWith("absent");
    }

    /** Waits for a condition that another thread establishes. */
    static void await(BooleanSupplier condition) {
        long end = System.nanoTime() + LONG.toNanos();
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() > end) {
                throw new AssertionError("it did not come about within " + LONG);
            }
            LockSupport.parkNanos(500_000);
        }
    }

    @Override
    public void close() {
        core.close();
    }
}
