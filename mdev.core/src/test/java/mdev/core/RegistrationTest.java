package mdev.core;

import static mdev.core.LifeCycleTest.assertErrno;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Supplier;
import java.util.stream.Stream;
import mdev.api.ClassDevice;
import mdev.api.LoadedModule;
import mdev.api.Mdev;
import mdev.api.MdevType;
import mdev.api.ParentDevice;
import mdev.api.ParentOps;
import mdev.api.Registration;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.sysfs.Attribute;
import mdev.api.sysfs.AttributeGroup;
import mdev.core.slot.ForeignBundle;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Rejected registrations and faulty vendors: each fails with an errno and leaves nothing behind. */
class RegistrationTest {
    private static final Attribute API = Attribute.readOnly(MdevType.DEVICE_API, () -> "vfio-pci\n");
    private static final Attribute ONE_LEFT = Attribute.readOnly(MdevType.AVAILABLE_INSTANCES, () -> "1\n");

    /** A vendor with the faults that a test selects. */
    static final class Faulty implements ParentOps<TestMtty.Port> {
        Supplier<@Nullable List<MdevType>> types = () -> List.of(new MdevType("1", List.of(API, ONE_LEFT)));
        Supplier<@Nullable List<AttributeGroup>> parentGroups = List::of;
        Supplier<@Nullable List<AttributeGroup>> groups = List::of;
        Supplier<TestMtty.@Nullable Port> create = () -> new TestMtty.Port("", 1);
        Runnable remove = () -> {};
        final List<String> removed = new CopyOnWriteArrayList<>();

        @Override
        @SuppressWarnings("NullAway") // possible in a vendor without null checks
        public List<MdevType> supportedTypes() {
            return types.get();
        }

        @Override
        @SuppressWarnings("NullAway")
        public List<AttributeGroup> deviceAttributeGroups() {
            return parentGroups.get();
        }

        @Override
        @SuppressWarnings("NullAway")
        public List<AttributeGroup> mdevAttributeGroups(TestMtty.Port device) {
            return groups.get();
        }

        @Override
        @SuppressWarnings("NullAway")
        public TestMtty.Port create(Mdev mdev) {
            return create.get();
        }

        @Override
        public void remove(TestMtty.Port device) {
            removed.add("removed");
            remove.run();
        }
    }

    private static Arguments refused(
            String what, Errno errno, ParentDevice device, Supplier<@Nullable List<MdevType>> types) {
        return Arguments.of(what, errno, device, types);
    }

    private static Arguments refused(String what, Errno errno, Attribute... attributes) {
        return refused(what, errno, TestMtty.DEVICE, () -> List.of(new MdevType("1", List.of(attributes))));
    }

    static Stream<Arguments> refusals() {
        Supplier<@Nullable List<MdevType>> good = () -> List.of(new MdevType("1", List.of(API, ONE_LEFT)));
        return Stream.of(
                refused("no class", Errno.EINVAL, new ParentDevice("", "mtty"), good),
                refused("no name", Errno.EINVAL, new ParentDevice("mtty", ""), good),
                refused("slash", Errno.EINVAL, new ParentDevice("mtty", "a/b"), good),
                refused("dots", Errno.EINVAL, new ParentDevice("..", "mtty"), good),
                refused("the core's class", Errno.EEXIST, new ParentDevice("mdev_bus", "mtty"), good),
                refused("no types", Errno.EINVAL, TestMtty.DEVICE, () -> null),
                refused("types throw", Errno.EIO, TestMtty.DEVICE, () -> {
                    throw new IllegalStateException("a bug");
                }),
                refused(
                        "type twice",
                        Errno.EEXIST,
                        TestMtty.DEVICE,
                        () -> List.of(
                                new MdevType("1", List.of(API, ONE_LEFT)), new MdevType("1", List.of(API, ONE_LEFT)))),
                refused(
                        "type without name",
                        Errno.EINVAL,
                        TestMtty.DEVICE,
                        () -> List.of(new MdevType("", List.of(API, ONE_LEFT)))),
                refused("no device_api", Errno.EINVAL, ONE_LEFT),
                refused("no available_instances", Errno.EINVAL, API),
                refused("write-only", Errno.EINVAL, API, Attribute.writeOnly(MdevType.AVAILABLE_INSTANCES, _ -> {})),
                refused(
                        "no number",
                        Errno.EINVAL,
                        API,
                        Attribute.readOnly(MdevType.AVAILABLE_INSTANCES, () -> "many\n")),
                refused("unreadable", Errno.EINVAL, ONE_LEFT, Attribute.readOnly(MdevType.DEVICE_API, () -> {
                    throw new ErrnoException(Errno.ENODEV);
                })),
                refused("attribute twice", Errno.EEXIST, API, ONE_LEFT, API),
                refused("attribute of the core", Errno.EEXIST, API, ONE_LEFT, Attribute.writeOnly("create", _ -> {})),
                refused("attribute with slash", Errno.EINVAL, API, ONE_LEFT, Attribute.readOnly("a/b", () -> "")));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("refusals")
    void rejectsInvalidParents(String what, Errno errno, ParentDevice device, Supplier<@Nullable List<MdevType>> types)
            throws Exception {
        try (Rig rig = new Rig()) {
            Faulty vendor = new Faulty();
            vendor.types = types;
            assertErrno(errno, () -> rig.vendor.registerDevice(device, vendor));
            assertFalse(rig.exists("/sys/class/mtty"), what);
            assertFalse(rig.exists("/sys/module/mtty"));
            assertFalse(rig.exists("/sys/class/mdev_bus"));
            rig.load(new TestMtty());
        }
    }

    @Test
    void rejectsAParentWithInvalidGroups() throws Exception {
        try (Rig rig = new Rig()) {
            Faulty vendor = new Faulty();
            vendor.parentGroups = () -> null;
            assertErrno(Errno.EINVAL, () -> rig.vendor.registerDevice(TestMtty.DEVICE, vendor));
            vendor.parentGroups = () -> List.of(new AttributeGroup("power", List.of()));
            assertErrno(Errno.EEXIST, () -> rig.vendor.registerDevice(TestMtty.DEVICE, vendor));
        }
    }

    @Test
    void nameIsUniqueAmongAllParents() throws Exception {
        try (Rig rig = new Rig()) {
            Registration first = rig.load(new TestMtty());
            assertErrno(Errno.EEXIST, () -> rig.load(new TestMtty()));
            assertErrno(Errno.EEXIST, () -> rig.vfio.registerDevice(new ParentDevice("other", "mtty"), new TestMtty()));
            assertFalse(rig.exists("/sys/class/other"));
            first.close();
            first.close();
            rig.load(new TestMtty());
        }
    }

    record Fault(String what, Errno errno, java.util.function.Consumer<Faulty> set, int removes) {}

    static Stream<Fault> faults() {
        return Stream.of(
                new Fault("create returns null", Errno.EIO, vendor -> vendor.create = () -> null, 0),
                new Fault(
                        "create throws",
                        Errno.EIO,
                        vendor -> vendor.create = () -> {
                            throw new IllegalStateException("a bug");
                        },
                        0),
                new Fault(
                        "create has a class missing",
                        Errno.EIO,
                        vendor -> vendor.create = () -> {
                            throw new NoClassDefFoundError("vendor/Gone");
                        },
                        0),
                new Fault("no groups", Errno.EIO, vendor -> vendor.groups = () -> null, 1),
                new Fault(
                        "group of the core",
                        Errno.EEXIST,
                        vendor -> vendor.groups = () -> List.of(new AttributeGroup("power", List.of())),
                        1),
                new Fault(
                        "file of the core",
                        Errno.EEXIST,
                        vendor -> vendor.groups = () ->
                                List.of(new AttributeGroup("", List.of(API, Attribute.readOnly("remove", () -> "")))),
                        1));
    }

    @ParameterizedTest
    @MethodSource("faults")
    void vendorFaultIsAnErrno(Fault fault) throws Exception {
        try (Rig rig = new Rig()) {
            Faulty vendor = new Faulty();
            fault.set().accept(vendor);
            rig.vendor.registerDevice(TestMtty.DEVICE, vendor);
            assertErrno(fault.errno(), () -> rig.create("mtty-1"));
            assertTrue(rig.core.devices().isEmpty());
            assertEquals(fault.removes(), vendor.removed.size());
            assertEquals("", mdev.core.golden.Answers.names(rig.sysfs(), "/sys/bus/mdev/devices"));
        }
    }

    @Test
    void throwingRemoveIsOnlyLogged() throws Exception {
        try (Rig rig = new Rig()) {
            Faulty vendor = new Faulty();
            vendor.remove = () -> {
                throw new IllegalStateException("a bug");
            };
            rig.vendor.registerDevice(TestMtty.DEVICE, vendor);
            UUID uuid = rig.create("mtty-1");
            rig.remove(uuid);
            assertTrue(rig.core.devices().isEmpty());
            rig.create("mtty-1", uuid);
        }
    }

    @Test
    void attributeFailureIsAnErrno() throws Exception {
        List<String> taken = new ArrayList<>();
        try (Rig rig = new Rig()) {
            Faulty vendor = new Faulty();
            vendor.groups = () -> List.of(new AttributeGroup(
                    "vendor",
                    List.of(
                            Attribute.readWrite(
                                    "throws",
                                    () -> {
                                        throw new IllegalStateException("a bug");
                                    },
                                    _ -> {
                                        throw new IllegalStateException("a bug");
                                    }),
                            Attribute.writeOnly("taken", taken::add),
                            new Attribute("nothing", 0644, null, null),
                            Attribute.readOnly("long", () -> "x".repeat(4097)),
                            Attribute.readOnly("busy", () -> {
                                throw new ErrnoException(Errno.EBUSY);
                            }))));
            rig.vendor.registerDevice(TestMtty.DEVICE, vendor);
            String group = Rig.DEVICES + rig.create("mtty-1") + "/vendor/";
            assertErrno(Errno.EIO, () -> rig.read(group + "throws"));
            assertErrno(Errno.EIO, () -> rig.write(group + "throws", "x"));
            assertErrno(Errno.EIO, () -> rig.read(group + "nothing"));
            assertErrno(Errno.EIO, () -> rig.write(group + "nothing", "x"));
            assertErrno(Errno.EIO, () -> rig.read(group + "long"));
            assertErrno(Errno.EBUSY, () -> rig.read(group + "busy"));
            assertErrno(Errno.EACCES, () -> rig.write(group + "busy", "x"));
            assertEquals(0, rig.write(group + "throws", ""));
            assertEquals(4096, rig.write(group + "taken", "x".repeat(10_000)));
            assertEquals(List.of("x".repeat(4096)), taken);
        }
    }

    @Test
    void rejectsInvalidDrivers() throws Exception {
        try (Rig rig = new Rig()) {
            rig.loadVfio();
            assertErrno(Errno.EBUSY, rig::loadVfio);
            assertErrno(Errno.EINVAL, () -> rig.vfio.registerDriver(new TestVfio("", rig.vfio)));
            assertErrno(Errno.EINVAL, () -> rig.vfio.registerDriver(new TestVfio("a/b", rig.vfio)));
        }
    }

    @Test
    void classes() throws Exception {
        try (Rig rig = new Rig()) {
            Registration vfio = rig.vfio.createClass("vfio");
            assertErrno(Errno.EEXIST, () -> rig.vfio.createClass("vfio"));
            assertErrno(Errno.EINVAL, () -> rig.vfio.createClass(""));
            assertErrno(Errno.EEXIST, () -> rig.vfio.createClass("mdev_bus"));
            Registration zero = rig.vfio.createDevice(new ClassDevice("vfio", "0", new LinkedHashMap<>(), List.of()));
            assertErrno(
                    Errno.EEXIST,
                    () -> rig.vfio.createDevice(new ClassDevice("vfio", "0", new LinkedHashMap<>(), List.of())));
            vfio.close();
            assertTrue(rig.exists("/sys/class/vfio/0"), "the class stays while it has a device");
            zero.close();
            assertFalse(rig.exists("/sys/class/vfio"));
            assertFalse(rig.exists("/sys/module/vfio_mdev"), "classes make no module");
        }
    }

    @Test
    void modules() throws Exception {
        try (Rig rig = new Rig()) {
            TestVfio vfio = rig.loadVfio();
            rig.load(new TestMtty());
            rig.create("mtty-1");
            assertEquals("live\n", rig.read("/sys/module/mtty/initstate"));
            assertEquals("1.0.0\n", rig.read("/sys/module/mtty/version"));
            assertEquals("0\n", rig.read("/sys/module/mtty/refcnt"));
            assertEquals("2\n", rig.read("/sys/module/mdev/refcnt"));
            vfio.user = java.util.Optional.of("a test");
            assertEquals("1\n", rig.read("/sys/module/mtty/refcnt"));
            assertEquals("1\n", rig.read("/sys/module/vfio_mdev/refcnt"));
            assertErrno(Errno.EACCES, () -> rig.read("/sys/module/mtty/uevent"));
            Module twin = rig.core.module(new ForeignBundle("mtty", "2", 9));
            assertErrno(Errno.EEXIST, () -> twin.registerDevice(new ParentDevice("x", "x"), new TestMtty()));
            assertEquals("gpu_sim", LoadedModule.nameOf("vendor.gpu-sim"));
            assertEquals("mdev", LoadedModule.nameOf("mdev.core"));
            assertEquals("vfio_mdev", LoadedModule.nameOf("vfio.mdev"));
        }
    }
}
