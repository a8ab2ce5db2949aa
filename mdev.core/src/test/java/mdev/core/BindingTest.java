package mdev.core;

import static mdev.core.LifeCycleTest.assertErrno;
import static mdev.core.LifeCycleTest.await;
import static mdev.core.LifeCycleTest.start;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import mdev.api.Registration;
import mdev.api.Slot;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.sysfs.SysfsFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Drivers of the bus and their devices: probing, unbinding, and what happens while one of them waits. */
@Timeout(300)
class BindingTest {
    private static final UUID ONE = UUID.fromString("83b8f4f2-509f-382f-3c1e-e6bfe0fa1001");
    private static final String DRIVER = "/sys/bus/mdev/drivers/vfio_mdev/";

    @Test
    void newDriverBindsAnUnboundDevice() throws Exception {
        try (Rig rig = new Rig()) {
            rig.load(new TestMtty());
            rig.create("mtty-1", ONE);
            assertFalse(rig.exists(Rig.DEVICES + ONE + "/driver"));
            assertEquals(
                    "\"\"",
                    rig.answer(Rig.DEVICES + ONE + "/uevent")
                            .replace("file 0644 4096 ", "")
                            .replaceAll("^absent.*", ""));
            rig.loadVfio();
            assertTrue(rig.exists(Rig.DEVICES + ONE + "/driver"));
            assertTrue(rig.exists("/sys/kernel/iommu_groups/0/devices/" + ONE));
        }
    }

    /** Case 3 of open.jsonl. */
    @Test
    void unbindWaitsForTheUser() throws Exception {
        CountDownLatch inside = new CountDownLatch(1);
        CountDownLatch closed = new CountDownLatch(1);
        try (Rig rig = new Rig()) {
            TestVfio vfio = rig.loadVfio();
            rig.load(new TestMtty());
            rig.create("mtty-2", ONE);
            vfio.inRemove = _ -> {
                inside.countDown();
                await(closed);
            };
            var unbind = start(() -> rig.write(DRIVER + "unbind", ONE.toString()));
            await(inside);
            assertErrno(Errno.ENODEV, () -> rig.write(DRIVER + "bind", ONE.toString()));
            closed.countDown();
            assertEquals(Optional.empty(), unbind.get());
            assertFalse(rig.exists(Rig.DEVICES + ONE + "/driver"));
            assertFalse(rig.exists(Rig.DEVICES + ONE + "/iommu_group"));
            rig.remove(ONE);
        }
    }

    /** Case 5 of open.jsonl. */
    @Test
    void unregistrationWaitsForTheUser() throws Exception {
        UUID two = UUID.randomUUID();
        CountDownLatch inside = new CountDownLatch(1);
        CountDownLatch closed = new CountDownLatch(1);
        try (Rig rig = new Rig()) {
            TestVfio vfio = rig.loadVfio();
            Registration parent = rig.load(new TestMtty());
            rig.create("mtty-2", ONE);
            SysfsFile create = rig.file(Rig.TYPES + "mtty-1/create");
            vfio.inRemove = _ -> {
                inside.countDown();
                await(closed);
            };
            var unload = start(parent::close);
            await(inside);
            assertTrue(rig.exists(Rig.TYPES + "mtty-1/create"));
            assertFalse(rig.exists("/sys/class/mdev_bus/mtty"));
            assertTrue(rig.exists("/sys/class/mdev_bus"));
            assertErrno(Errno.ENODEV, () -> rig.create("mtty-1", two));
            closed.countDown();
            assertEquals(Optional.empty(), unload.get());
            assertErrno(Errno.ENODEV, () -> create.write(two.toString().getBytes(StandardCharsets.UTF_8)));
            assertFalse(rig.exists("/sys/devices/virtual/mtty"));
            assertTrue(rig.core.devices().isEmpty());
        }
    }

    @Test
    void failedProbeLeavesTheDeviceUnbound() throws Exception {
        try (Rig rig = new Rig()) {
            TestVfio vfio = rig.loadVfio();
            rig.load(new TestMtty());
            vfio.inProbe = _ -> {
                throw new ErrnoException(Errno.ENOMEM);
            };
            rig.create("mtty-1", ONE);
            assertFalse(rig.exists(Rig.DEVICES + ONE + "/driver"));
            assertFalse(rig.exists("/sys/kernel/iommu_groups/0"));
            assertErrno(Errno.ENODEV, () -> rig.write(DRIVER + "bind", ONE.toString()));
            vfio.inProbe = _ -> {
                throw new IllegalArgumentException("a bug of the driver");
            };
            assertEquals(36, rig.write("/sys/bus/mdev/drivers_probe", ONE.toString()));
            assertFalse(rig.exists(Rig.DEVICES + ONE + "/driver"));
            vfio.inProbe = _ -> {};
            rig.write("/sys/bus/mdev/drivers_probe", ONE + "\n");
            assertTrue(rig.exists(Rig.DEVICES + ONE + "/driver"));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"EMFILE", "ENFILE"})
    void createWithoutDescriptorsLeavesNothing(Errno shortage) throws Exception {
        try (Rig rig = new Rig()) {
            TestVfio vfio = rig.loadVfio();
            rig.load(new TestMtty());
            String free = rig.answer(Rig.TYPES + "mtty-1/available_instances");
            vfio.inProbe = _ -> {
                throw new ErrnoException(shortage);
            };
            assertErrno(shortage, () -> rig.create("mtty-1", ONE));
            assertFalse(rig.exists(Rig.DEVICES + ONE));
            assertFalse(rig.exists("/sys/kernel/iommu_groups/0"));
            assertEquals(free, rig.answer(Rig.TYPES + "mtty-1/available_instances"));
            vfio.inProbe = _ -> {};
            rig.create("mtty-1", ONE);
            assertTrue(rig.exists(Rig.DEVICES + ONE + "/driver"));
        }
    }

    @Test
    void autoprobeOff() throws Exception {
        try (Rig rig = new Rig()) {
            rig.loadVfio();
            rig.load(new TestMtty());
            rig.write("/sys/bus/mdev/drivers_autoprobe", "0\n");
            rig.create("mtty-1", ONE);
            assertFalse(rig.exists(Rig.DEVICES + ONE + "/driver"));
            rig.write(DRIVER + "bind", ONE.toString());
            assertTrue(rig.exists(Rig.DEVICES + ONE + "/driver"));
            assertErrno(Errno.ENODEV, () -> rig.write(DRIVER + "bind", ONE.toString()));
        }
    }

    @Test
    void removalWaitsForAProbe() throws Exception {
        CountDownLatch inside = new CountDownLatch(1);
        CountDownLatch go = new CountDownLatch(1);
        TestMtty mtty = new TestMtty();
        try (Rig rig = new Rig()) {
            TestVfio vfio = rig.loadVfio();
            vfio.inProbe = _ -> {
                inside.countDown();
                await(go);
            };
            Registration parent = rig.load(mtty);
            var create = start(() -> rig.create("mtty-1", ONE));
            await(inside);
            var unload = start(parent::close);
            Rig.await(() -> !rig.exists(Rig.DEVICES + ONE));
            go.countDown();
            assertEquals(Optional.of(Errno.ENODEV), create.get());
            assertEquals(Optional.empty(), unload.get());
            Rig.await(() -> rig.core.devices().isEmpty());
            assertTrue(mtty.balanced());
            assertEquals(0, vfio.bound());
        }
    }

    @Test
    void newDriverDoesNotProbeARemovedDevice() throws Exception {
        UUID two = new UUID(~0L, 2);
        CountDownLatch inside = new CountDownLatch(1);
        CountDownLatch go = new CountDownLatch(1);
        try (Rig rig = new Rig()) {
            rig.load(new TestMtty());
            rig.create("mtty-1", ONE);
            rig.create("mtty-1", two);
            TestVfio vfio = new TestVfio(rig.vfio);
            vfio.inProbe = _ -> {
                inside.countDown();
                await(go);
            };
            var registration = start(() -> rig.vfio.registerDriver(vfio));
            await(inside);
            rig.remove(two); // follows ONE in the list that the registration processes
            go.countDown();
            assertEquals(Optional.empty(), registration.get());
            assertEquals(1, vfio.bound());
            assertFalse(rig.exists("/sys/kernel/iommu_groups/1"));
        }
    }

    @Test
    void userInsideTheVendorDelaysTheVendorsRemove() throws Exception {
        TestMtty mtty = new TestMtty();
        try (Rig rig = Rig.impatient()) {
            rig.loadVfio();
            rig.load(mtty);
            rig.create("mtty-1", ONE);
            Slot slot = rig.device(ONE).slot();
            slot.occupy(Rig.LONG);
            slot.enter();
            slot.vacate(() -> {});
            rig.write(DRIVER + "unbind", ONE.toString());
            rig.remove(ONE);
            assertEquals(0, mtty.removed.get());
            assertEquals("left behind", rig.device(ONE).stateName());
            slot.leave();
            Rig.await(() -> rig.core.devices().isEmpty());
            assertTrue(mtty.balanced());
        }
    }

    /** The calls that may be inside when a device is bound: each kind keeps the slot from being quiet. */
    @ParameterizedTest
    @ValueSource(strings = {"access", "occupied", "attribute"})
    void deviceInUseIsNotBound(String inside) throws Exception {
        TestMtty mtty = new TestMtty();
        CountDownLatch entered = new CountDownLatch(1);
        CountDownLatch go = new CountDownLatch(1);
        try (Rig rig = Rig.impatient()) {
            TestVfio vfio = rig.loadVfio();
            rig.load(mtty);
            rig.create("mtty-1", ONE);
            Slot slot = rig.device(ONE).slot();
            Runnable end;
            switch (inside) {
                case "access" -> {
                    slot.enter();
                    end = slot::leave;
                }
                case "occupied" -> {
                    slot.occupy(Rig.LONG);
                    end = () -> slot.vacate(() -> {});
                }
                default -> {
                    mtty.inShow = _ -> {
                        entered.countDown();
                        await(go);
                    };
                    var read = start(() -> rig.read(Rig.DEVICES + ONE + "/vendor/sample_mdev_dev"));
                    await(entered);
                    end = () -> {
                        go.countDown();
                        assertEquals(Optional.empty(), read.join());
                    };
                }
            }
            rig.write(DRIVER + "unbind", ONE.toString());
            assertErrno(Errno.EBUSY, () -> rig.write(DRIVER + "bind", ONE.toString()));
            assertEquals(0, vfio.bound());
            end.run();
            rig.write(DRIVER + "bind", ONE.toString());
            assertEquals(1, vfio.bound());
        }
    }
}
