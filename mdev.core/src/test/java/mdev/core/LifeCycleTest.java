package mdev.core;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.TimeUnit;
import mdev.api.Registration;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.sysfs.SysfsFile;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.function.Executable;

/** Creation, removal, veto, and what happens while a removal or an unregistration waits. */
@Timeout(300)
class LifeCycleTest {
    private static final UUID ONE = UUID.fromString("83b8f4f2-509f-382f-3c1e-e6bfe0fa1001");
    private static final String DRIVER = "/sys/bus/mdev/drivers/vfio_mdev/";

    static void assertErrno(Errno expected, Executable call) {
        assertEquals(expected, assertThrows(ErrnoException.class, call).errno());
    }

    /** A call on a separate thread. */
    static CompletableFuture<Optional<Errno>> start(Executable call) {
        CompletableFuture<Optional<Errno>> answer = new CompletableFuture<>();
        Thread.ofPlatform().daemon().start(() -> {
            try {
                call.execute();
                answer.complete(Optional.empty());
            } catch (ErrnoException e) {
                answer.complete(Optional.of(e.errno()));
            } catch (Throwable e) {
                answer.completeExceptionally(e);
            }
        });
        return answer;
    }

    static void await(CountDownLatch latch) {
        try {
            assertTrue(latch.await(Rig.LONG.toSeconds(), TimeUnit.SECONDS));
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void vendorRunsTwoCreatesAtOnce() throws Exception {
        TestMtty mtty = new TestMtty();
        CyclicBarrier both = new CyclicBarrier(2);
        mtty.inCreate = _ -> {
            try {
                both.await(Rig.LONG.toSeconds(), TimeUnit.SECONDS);
            } catch (Exception e) {
                throw new IllegalStateException(e);
            }
        };
        try (Rig rig = new Rig()) {
            rig.load(mtty);
            var first = start(() -> rig.create("mtty-1"));
            var second = start(() -> rig.create("mtty-1"));
            assertEquals(Optional.empty(), first.get());
            assertEquals(Optional.empty(), second.get());
        }
    }

    @Test
    void uuidIsReservedBeforeTheVendorsCreate() throws Exception {
        TestMtty mtty = new TestMtty();
        CountDownLatch inside = new CountDownLatch(1);
        CountDownLatch go = new CountDownLatch(1);
        mtty.inCreate = _ -> {
            inside.countDown();
            await(go);
        };
        try (Rig rig = new Rig()) {
            rig.load(mtty);
            var first = start(() -> rig.create("mtty-1", ONE));
            await(inside);
            assertErrno(Errno.EEXIST, () -> rig.create("mtty-2", ONE));
            assertFalse(rig.exists(Rig.DEVICES + ONE));
            go.countDown();
            assertEquals(Optional.empty(), first.get());
            assertTrue(rig.exists(Rig.DEVICES + ONE + "/remove"));
        }
    }

    @Test
    void failedCreateLeavesNothing() throws Exception {
        TestMtty mtty = new TestMtty();
        try (Rig rig = new Rig()) {
            rig.load(mtty);
            mtty.inCreate = _ -> {
                throw new ErrnoException(Errno.ENOMEM);
            };
            int events = rig.events().size();
            assertErrno(Errno.ENOMEM, () -> rig.create("mtty-1", ONE));
            mtty.inCreate = _ -> {};
            rig.create("mtty-1", ONE);
            Rig.await(() -> rig.events().size() > events);
            assertEquals("add", rig.events().get(events).action());
        }
    }

    @Test
    void vetoReachesTheWriterAndChangesNothing() throws Exception {
        TestMtty mtty = new TestMtty();
        try (Rig rig = new Rig()) {
            TestVfio vfio = rig.loadVfio();
            rig.load(mtty);
            rig.create("mtty-2", ONE);
            Rig.await(
                    () -> rig.events().stream().anyMatch(event -> event.action().equals("bind")));
            int events = rig.events().size();
            mtty.inMayRemove = _ -> {
                throw new ErrnoException(Errno.EBUSY);
            };
            assertErrno(Errno.EBUSY, () -> rig.remove(ONE));
            assertEquals(1, vfio.bound());
            assertTrue(rig.exists(Rig.DEVICES + ONE + "/remove"));
            assertEquals("11\n", rig.read(Rig.TYPES + "mtty-2/available_instances"));
            mtty.inMayRemove = _ -> {};
            rig.remove(ONE);
            Rig.await(() -> rig.events().size() >= events + 3);
            assertEquals("remove", rig.events().get(events).action(), "the veto has no event");
        }
    }

    @Test
    void unregisteringSkipsTheVeto() throws Exception {
        TestMtty mtty = new TestMtty();
        mtty.inMayRemove = _ -> {
            throw new ErrnoException(Errno.EBUSY);
        };
        try (Rig rig = new Rig()) {
            Registration parent = rig.load(mtty);
            rig.create("mtty-2", ONE);
            parent.close();
            assertTrue(mtty.balanced());
        }
    }

    /** Case 1 of open.jsonl. */
    @Test
    void removalWaitsForTheUser() throws Exception {
        CountDownLatch inside = new CountDownLatch(1);
        CountDownLatch closed = new CountDownLatch(1);
        try (Rig rig = new Rig()) {
            TestVfio vfio = rig.loadVfio();
            rig.load(new TestMtty());
            rig.create("mtty-2", ONE);
            SysfsFile remove = rig.file(Rig.DEVICES + ONE + "/remove");
            String directory = "/sys/devices/virtual/mtty/mtty/" + ONE;
            vfio.inRemove = _ -> {
                inside.countDown();
                await(closed);
            };
            var removal = start(() -> remove.write(new byte[] {'1'}));
            await(inside);
            assertFalse(rig.exists(Rig.DEVICES + ONE));
            assertFalse(rig.exists(Rig.TYPES + "mtty-2/devices/" + ONE));
            assertFalse(rig.exists(directory + "/mdev_type"));
            assertFalse(rig.exists(directory + "/vendor"));
            assertTrue(rig.exists(directory + "/iommu_group"));
            assertEquals("11\n", rig.read(Rig.TYPES + "mtty-2/available_instances"));
            assertErrno(Errno.ENOENT, () -> rig.remove(ONE));
            assertErrno(Errno.ENODEV, () -> remove.write(new byte[] {'1'}));
            assertErrno(Errno.EEXIST, () -> rig.create("mtty-2", ONE));
            assertErrno(Errno.ENODEV, () -> rig.write(DRIVER + "unbind", ONE.toString()));
            assertErrno(Errno.ENODEV, () -> rig.write("/sys/bus/mdev/drivers_probe", ONE.toString()));
            assertEquals("removing", rig.core.devices().iterator().next().stateName());
            closed.countDown();
            assertEquals(Optional.empty(), removal.get());
            assertFalse(rig.exists(directory));
            assertEquals("12\n", rig.read(Rig.TYPES + "mtty-2/available_instances"));
        }
    }

    @Test
    void createReturnsAfterItsParentIsUnregistered() throws Exception {
        CountDownLatch inside = new CountDownLatch(1);
        CountDownLatch go = new CountDownLatch(1);
        TestMtty mtty = new TestMtty();
        mtty.inCreate = _ -> {
            inside.countDown();
            await(go);
        };
        try (Rig rig = Rig.impatient()) {
            Registration parent = rig.load(mtty);
            var create = start(() -> rig.create("mtty-1", ONE));
            await(inside);
            parent.close();
            assertFalse(rig.exists("/sys/devices/virtual/mtty"));
            assertEquals("left behind", rig.core.devices().iterator().next().stateName());
            go.countDown();
            assertEquals(Optional.of(Errno.ENODEV), create.get());
            assertTrue(rig.core.devices().isEmpty());
            assertTrue(mtty.balanced());
            assertEquals(1, mtty.created.get());
        }
    }

    @Test
    void hungVendorRemoveKeepsTheUuidReserved() throws Exception {
        CountDownLatch go = new CountDownLatch(1);
        TestMtty mtty = new TestMtty();
        mtty.inRemove = _ -> await(go);
        try (Rig rig = Rig.impatient()) {
            Registration parent = rig.load(mtty);
            rig.create("mtty-1", ONE);
            rig.remove(ONE);
            MdevDevice device = rig.core.devices().iterator().next();
            assertEquals("left behind", device.stateName());
            assertFalse(rig.exists("/sys/devices/virtual/mtty/mtty/" + ONE));
            assertErrno(Errno.EEXIST, () -> rig.create("mtty-1", ONE));
            parent.close();
            TestMtty next = new TestMtty();
            rig.load(next);
            assertErrno(Errno.EEXIST, () -> rig.create("mtty-1", ONE));
            go.countDown();
            Rig.await(() -> rig.core.devices().isEmpty());
            rig.create("mtty-1", ONE);
            assertTrue(mtty.balanced());
        }
    }

    @Test
    void attributeCallInsideTheVendorDelaysItsRemove() throws Exception {
        CountDownLatch inside = new CountDownLatch(1);
        CountDownLatch go = new CountDownLatch(1);
        TestMtty mtty = new TestMtty();
        mtty.inShow = _ -> {
            inside.countDown();
            await(go);
        };
        try (Rig rig = Rig.impatient()) {
            rig.load(mtty);
            rig.create("mtty-1", ONE);
            var read = start(() -> rig.read(Rig.DEVICES + ONE + "/vendor/sample_mdev_dev"));
            await(inside);
            rig.remove(ONE);
            assertEquals(0, mtty.removed.get());
            assertEquals("left behind", rig.core.devices().iterator().next().stateName());
            go.countDown();
            assertEquals(Optional.empty(), read.get());
            Rig.await(() -> rig.core.devices().isEmpty());
            assertTrue(mtty.balanced());
        }
    }

    @Test
    void interruptedRemoveContinues() throws Exception {
        CountDownLatch inside = new CountDownLatch(1);
        CountDownLatch go = new CountDownLatch(1);
        TestMtty mtty = new TestMtty();
        mtty.inRemove = _ -> {
            inside.countDown();
            await(go);
        };
        try (Rig rig = new Rig()) {
            rig.load(mtty);
            rig.create("mtty-1", ONE);
            CompletableFuture<Thread> writer = new CompletableFuture<>();
            var removal = start(() -> {
                writer.complete(Thread.currentThread());
                rig.remove(ONE);
            });
            await(inside);
            writer.get().interrupt();
            assertEquals(Optional.of(Errno.EINTR), removal.get());
            go.countDown();
            Rig.await(() -> rig.core.devices().isEmpty());
            assertTrue(mtty.balanced());
        }
    }

    @Test
    void stoppedBundleLeavesNothing() throws Exception {
        TestMtty mtty = new TestMtty();
        try (Rig rig = new Rig()) {
            TestVfio vfio = rig.loadVfio();
            rig.vfio.createClass("vfio");
            rig.vfio.createDevice(TestVfio.misc());
            Registration parent = rig.load(mtty);
            rig.create("mtty-2", ONE);
            rig.vendor.close();
            assertTrue(mtty.balanced());
            assertFalse(rig.exists("/sys/module/mtty"));
            assertFalse(rig.exists("/sys/class/mtty"));
            parent.close();
            assertErrno(Errno.ENODEV, () -> rig.load(new TestMtty()));
            assertFalse(rig.exists("/sys/class/mtty"));
            rig.vfio.close();
            assertEquals(0, vfio.bound());
            assertEquals("absent ENOENT", rig.answer("/sys/class/vfio"));
            assertEquals("absent ENOENT", rig.answer("/sys/class/misc/vfio"));
            assertEquals(
                    List.of("mdev"),
                    rig.core.modules().stream().map(Module::name).toList());
        }
    }
}
