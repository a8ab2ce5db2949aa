package mdev.core;

import static mdev.core.LifeCycleTest.assertErrno;
import static mdev.core.LifeCycleTest.await;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.ServiceConfigurationError;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Stream;
import mdev.api.ClassDevice;
import mdev.api.Mdev;
import mdev.api.MdevDriver;
import mdev.api.MdevType;
import mdev.api.ParentDevice;
import mdev.api.ParentOps;
import mdev.api.Registration;
import mdev.api.Slot;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.sysfs.AttributeGroup;
import mdev.api.sysfs.SysfsDirectory;
import mdev.api.sysfs.SysfsFile;
import mdev.core.slot.ForeignBundle;
import mdev.sync.BoundedCalls;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Faults of drivers, vendors and listeners, and the invariants that the core keeps regardless. */
@Timeout(300)
class FaultTest {
    private static final UUID ONE = UUID.fromString("83b8f4f2-509f-382f-3c1e-e6bfe0fa1001");
    private static final String DRIVER = "/sys/bus/mdev/drivers/vfio_mdev/";

    @Test
    void hungDriverDelaysNoWriter() throws Exception {
        CountDownLatch go = new CountDownLatch(1);
        TestMtty mtty = new TestMtty();
        try (Rig rig = Rig.impatient()) {
            TestVfio vfio = rig.loadVfio();
            rig.load(mtty);
            rig.create("mtty-1", ONE);
            CompletableFuture<Void> inside = new CompletableFuture<>();
            vfio.inRemove = _ -> {
                inside.complete(null);
                await(go);
            };
            String device = ONE.toString();
            var unbind = LifeCycleTest.start(() -> rig.write(DRIVER + "unbind", device));
            inside.get();
            assertTrue(unbind.get(Rig.LONG.toSeconds(), TimeUnit.SECONDS).isEmpty());
            var probe = LifeCycleTest.start(() -> rig.write("/sys/bus/mdev/drivers_probe", device));
            assertTrue(probe.get(Rig.LONG.toSeconds(), TimeUnit.SECONDS).isEmpty());
            assertTrue(rig.exists(Rig.DEVICES + ONE + "/iommu_group"), "the driver still has it");
            go.countDown();
            Rig.await(() -> !rig.exists(Rig.DEVICES + ONE + "/iommu_group"));
            rig.remove(ONE);
            assertTrue(mtty.balanced());
        }
    }

    @Test
    void occupiedSlotDelaysTheRemovalAfterAFailedDriverRemove() throws Exception {
        TestMtty mtty = new TestMtty();
        try (Rig rig = Rig.impatient()) {
            TestVfio vfio = rig.loadVfio();
            rig.load(mtty);
            rig.create("mtty-1", ONE);
            Slot slot = rig.device(ONE).slot();
            slot.occupy(Rig.LONG);
            vfio.inRemove = _ -> {
                throw new IllegalStateException("a bug of the driver");
            };
            rig.remove(ONE);
            assertEquals(0, mtty.removed.get());
            slot.vacate(() -> {});
            Rig.await(() -> rig.core.devices().isEmpty());
            assertTrue(mtty.balanced());
        }
    }

    private static BoundedCalls limited(AtomicBoolean exhausted) {
        return new BoundedCalls(task -> {
                    if (exhausted.get()) {
                        throw new OutOfMemoryError("unable to create native thread: expected by the test");
                    }
                    return Thread.ofPlatform().daemon().unstarted(task);
                })
                .withReserve();
    }

    /** As below, with a vendor that hangs: the unload does not wait for it on the caller's thread. */
    @Test
    void hangingVendorDelaysNoUnloadWithoutAThread() throws Exception {
        CountDownLatch go = new CountDownLatch(1);
        TestMtty mtty = new TestMtty();
        AtomicBoolean exhausted = new AtomicBoolean();
        Duration limit = Duration.ofMillis(200);
        try (Rig rig = new Rig(new Limits(limit, limit, limit), limited(exhausted))) {
            Registration parent = rig.load(mtty);
            rig.create("mtty-1", ONE);
            mtty.inRemove = _ -> await(go);
            exhausted.set(true);
            var unload = LifeCycleTest.start(parent::close);
            assertTrue(unload.get(Rig.LONG.toSeconds(), TimeUnit.SECONDS).isEmpty());
            assertEquals("left behind", rig.device(ONE).stateName());
            go.countDown();
            Rig.await(() -> rig.core.devices().isEmpty());
            assertTrue(mtty.balanced());
        }
    }

    /**
     * A process limit, as in a container: a removal fails before anything changes; an unload runs on the reserve
     * thread.
     */
    @Test
    void removalWithoutAThreadChangesNothing() throws Exception {
        TestMtty mtty = new TestMtty();
        AtomicBoolean exhausted = new AtomicBoolean();
        BoundedCalls calls = limited(exhausted);
        try (Rig rig = new Rig(new Limits(Rig.LONG, Rig.LONG, Rig.LONG), calls)) {
            TestVfio vfio = rig.loadVfio();
            Registration parent = rig.load(mtty);
            UUID two = rig.create("mtty-2");
            rig.create("mtty-1", ONE);
            exhausted.set(true);
            assertErrno(Errno.EAGAIN, () -> rig.write(DRIVER + "unbind", ONE.toString()));
            assertErrno(Errno.EAGAIN, () -> rig.remove(ONE));
            assertEquals("active", rig.device(ONE).stateName());
            assertEquals(2, vfio.bound());
            assertEquals(0, mtty.removed.get());
            exhausted.set(false);
            rig.remove(ONE);
            assertEquals(1, mtty.removed.get());
            assertTrue(rig.exists(Rig.DEVICES + two));
            exhausted.set(true);
            parent.close();
            assertTrue(mtty.balanced());
            assertTrue(rig.core.devices().isEmpty());
        }
    }

    @Test
    void errorsOfAnyKindAreFaults() throws Exception {
        TestMtty mtty = new TestMtty();
        try (Rig rig = Rig.patient()) {
            TestVfio vfio = rig.loadVfio();
            rig.load(mtty);
            try (Registration _ = rig.core.listen(_ -> {
                throw new ServiceConfigurationError("in a listener");
            })) {
                vfio.inProbe = _ -> {
                    throw new ServiceConfigurationError("in probe");
                };
                rig.create("mtty-1", ONE);
                assertFalse(rig.exists(Rig.DEVICES + ONE + "/driver"));
                mtty.inMayRemove = _ -> {
                    throw new ServiceConfigurationError("in mayRemove");
                };
                assertErrno(Errno.EIO, () -> rig.remove(ONE));
                mtty.inMayRemove = _ -> {};
                mtty.inRemove = _ -> {
                    throw new ServiceConfigurationError("in remove");
                };
                rig.remove(ONE);
                assertTrue(rig.core.devices().isEmpty());
                Rig.await(() -> rig.events().stream()
                        .anyMatch(event -> event.action().equals("remove")
                                && event.devpath().endsWith(ONE.toString())));
            }
        }
    }

    /** A vendor with broken lists. */
    private record Lists(TestMtty mtty, List<MdevType> types, List<AttributeGroup> groups)
            implements ParentOps<TestMtty.Port> {
        @Override
        public List<MdevType> supportedTypes() {
            return types;
        }

        @Override
        public List<AttributeGroup> mdevAttributeGroups(TestMtty.Port port) {
            return groups;
        }

        @Override
        public TestMtty.Port create(Mdev mdev) throws ErrnoException {
            return mtty.create(mdev);
        }

        @Override
        public void remove(TestMtty.Port port) throws ErrnoException {
            mtty.remove(port);
        }
    }

    /** A list with a null element. */
    private static <T> List<T> hole() {
        return Stream.<T>iterate(null, _ -> null).limit(1).toList();
    }

    @Test
    void listsWithHoles() throws Exception {
        TestMtty mtty = new TestMtty();
        try (Rig rig = new Rig()) {
            assertErrno(
                    Errno.EIO, () -> rig.vendor.registerDevice(TestMtty.DEVICE, new Lists(mtty, hole(), List.of())));
            rig.vendor.registerDevice(TestMtty.DEVICE, new Lists(mtty, mtty.supportedTypes(), hole()));
            assertErrno(Errno.EIO, () -> rig.create("mtty-1", ONE));
            assertEquals(1, mtty.created.get());
            assertTrue(mtty.balanced(), "what create allocated is freed");
            assertTrue(rig.core.devices().isEmpty());
        }
    }

    /** More devices than are torn down concurrently. */
    @Test
    void hungVendorLeavesNoDeviceOnTheBus() throws Exception {
        CountDownLatch go = new CountDownLatch(1);
        TestMtty mtty = new TestMtty(100);
        mtty.inRemove = _ -> await(go);
        try (Rig rig = Rig.impatient()) {
            Registration parent = rig.load(mtty);
            for (int i = 0; i < 100; i++) {
                rig.create("mtty-1");
            }
            parent.close();
            SysfsDirectory bus = (SysfsDirectory) rig.sysfs().lookup("/sys/bus/mdev/devices", true);
            assertEquals(List.of(), bus.children());
            assertEquals(100, rig.core.devices().size());
            go.countDown();
            Rig.await(() -> rig.core.devices().isEmpty());
            assertTrue(mtty.balanced());
        }
    }

    @Test
    void unregisteredVendorIsNotAskedForInstances() throws Exception {
        try (Rig rig = new Rig()) {
            Registration parent = rig.load(new TestMtty());
            SysfsFile instances = rig.file(Rig.TYPES + "mtty-1/available_instances");
            assertEquals("24\n", new String(instances.read(), StandardCharsets.UTF_8));
            parent.close();
            assertErrno(Errno.ENODEV, instances::read);
        }
    }

    /** In any order, the directory of the module is removed, and the next incarnation can use its name. */
    @Test
    void bundleStopsWhileItRegisters() throws Exception {
        try (Rig rig = new Rig()) {
            for (int i = 0; i < 2_000; i++) {
                Module module = rig.core.module(new ForeignBundle("vendor.racer", "1.0.0", 9));
                TestMtty mtty = new TestMtty();
                CyclicBarrier both = new CyclicBarrier(2);
                var registration = LifeCycleTest.start(() -> {
                    both.await();
                    module.registerDevice(TestMtty.DEVICE, mtty);
                });
                both.await();
                while (rig.core.parents().isEmpty() && !registration.isDone()) {
                    Thread.onSpinWait();
                }
                module.close();
                registration.get();
                assertFalse(rig.exists("/sys/module/racer"), "round " + i);
                assertTrue(rig.core.parents().isEmpty());
            }
        }
    }

    @Test
    void classDeviceCopiesItsArguments() throws Exception {
        LinkedHashMap<String, String> env = new LinkedHashMap<>();
        env.put("MAJOR", "10");
        try (Rig rig = new Rig()) {
            rig.vfio.createDevice(new ClassDevice("misc", "one", env, List.of()));
            env.clear();
            assertEquals("MAJOR=10\n", rig.read("/sys/class/misc/one/uevent"));
        }
    }

    static Stream<Arguments> nothingGiven() {
        TestMtty mtty = new TestMtty();
        return Stream.of(
                arguments("parent device", (Step) module ->
                        module.registerDevice(FaultTest.<ParentDevice>hole().getFirst(), mtty)),
                arguments("ParentOps", (Step) module -> module.registerDevice(
                        TestMtty.DEVICE, FaultTest.<TestMtty>hole().getFirst())),
                arguments("driver", (Step) module ->
                        module.registerDriver(FaultTest.<MdevDriver>hole().getFirst())),
                arguments("class device", (Step) module ->
                        module.createDevice(FaultTest.<ClassDevice>hole().getFirst())));
    }

    /** A bundle's call of the core. */
    @FunctionalInterface
    interface Step {
        void of(Module module) throws ErrnoException;
    }

    @ParameterizedTest
    @MethodSource("nothingGiven")
    void rejectsNullArguments(String what, Step step) {
        try (Rig rig = new Rig()) {
            ErrnoException refused = assertThrows(ErrnoException.class, () -> step.of(rig.vendor));
            assertEquals(Errno.EINVAL, refused.errno());
            assertEquals("vendor.mtty passed no " + what, refused.getMessage());
            assertFalse(rig.exists("/sys/module/mtty"));
        }
    }

    /** The log names the vendor, the device, and the calls inside. */
    @Test
    void logNamesAVendorThatDelaysItsUnregistration() throws Exception {
        UUID shown = UUID.randomUUID();
        UUID made = UUID.randomUUID();
        CountDownLatch inside = new CountDownLatch(2);
        CountDownLatch go = new CountDownLatch(1);
        TestMtty mtty = new TestMtty();
        try (Rig rig = Rig.impatient()) {
            Registration parent = rig.load(mtty);
            rig.create("mtty-1", shown);
            TestMtty.Step hang = _ -> {
                inside.countDown();
                await(go);
            };
            mtty.inShow = hang;
            mtty.inCreate = hang;
            var read = LifeCycleTest.start(() -> rig.read(Rig.DEVICES + shown + "/vendor/sample_mdev_dev"));
            var create = LifeCycleTest.start(() -> rig.create("mtty-1", made));
            await(inside);
            parent.close();
            go.countDown();
            read.get();
            create.get();
            Rig.await(() -> rig.core.devices().isEmpty());
        }
        assertEquals(
                1,
                SurefireLog.lines("vendor.mtty: device " + shown + " is left behind").stream()
                        .filter(line -> line.contains("; inside: [attribute sample_mdev_dev on thread "))
                        .count());
        assertEquals(
                1,
                SurefireLog.lines("vendor.mtty: parent mtty is unregistered while a call is inside: [create of " + made
                                + " on thread ")
                        .size());
    }
}
