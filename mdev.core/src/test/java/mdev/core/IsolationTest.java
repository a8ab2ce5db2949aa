package mdev.core;

import static mdev.core.LifeCycleTest.assertErrno;
import static mdev.core.LifeCycleTest.await;
import static mdev.core.LifeCycleTest.start;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.BrokenBarrierException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import mdev.api.ParentDevice;
import mdev.api.errno.Errno;
import mdev.core.slot.ForeignBundle;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A hung driver or vendor delays only its own devices. */
@Timeout(300)
class IsolationTest {
    private static final ParentDevice OTHER = new ParentDevice("other", "other");

    /** More devices of one vendor than are unbound concurrently. */
    @Test
    void hungDevicesDoNotDelayTheUnbindOfAnotherVendors() throws Exception {
        CountDownLatch go = new CountDownLatch(1);
        UUID other = new UUID(~0L, 2); // the last one in any order
        try (Rig rig = Rig.impatient()) {
            TestVfio vfio = new TestVfio(rig.vfio);
            vfio.inRemove = mdev -> {
                if (mdev.parent().equals(TestMtty.DEVICE)) {
                    await(go);
                }
            };
            rig.load(new TestMtty(100));
            rig.core.module(new ForeignBundle("vendor.other", "1.0.0", 4)).registerDevice(OTHER, new TestMtty());
            for (int i = 0; i < 100; i++) {
                rig.create("mtty-1");
            }
            rig.write("/sys/class/mdev_bus/other/mdev_supported_types/other-1/create", other.toString());
            var driver = rig.vfio.registerDriver(vfio);
            assertEquals(101, vfio.bound());

            driver.close();

            Rig.await(() -> !rig.exists(Rig.DEVICES + other + "/iommu_group"));
            assertFalse(go.getCount() == 0, "the others hang");
            go.countDown();
            Rig.await(() -> vfio.bound() == 0);
        }
    }

    /** Each remove waits until all three have begun. */
    @Test
    void stoppingCoreWaitsForAllVendorsAtOnce() throws Exception {
        CyclicBarrier all = new CyclicBarrier(3);
        AtomicInteger met = new AtomicInteger();
        try (Rig rig = Rig.patient()) {
            for (String name : List.of("one", "two", "three")) {
                TestMtty vendor = new TestMtty();
                vendor.inRemove = _ -> {
                    try {
                        all.await(Rig.LONG.toSeconds(), TimeUnit.SECONDS);
                        met.incrementAndGet();
                    } catch (InterruptedException | BrokenBarrierException | TimeoutException e) {
                        throw new IllegalStateException("the others did not come", e);
                    }
                };
                rig.core
                        .module(new ForeignBundle("vendor." + name, "1.0.0", 5))
                        .registerDevice(new ParentDevice(name, name), vendor);
                rig.write(
                        "/sys/class/mdev_bus/" + name + "/mdev_supported_types/" + name + "-1/create",
                        UUID.randomUUID().toString());
            }
            rig.core.close();
            assertEquals(3, met.get());
            assertErrno(
                    Errno.ENODEV,
                    () -> rig.core
                            .module(new ForeignBundle("vendor.late", "1.0.0", 6))
                            .registerDevice(new ParentDevice("late", "late"), new TestMtty()));
        }
    }

    @Test
    void createDoesNotWaitForADriverUnregisteredDuringItsProbe() throws Exception {
        CountDownLatch inside = new CountDownLatch(1);
        CountDownLatch probe = new CountDownLatch(1);
        CountDownLatch remove = new CountDownLatch(1);
        try (Rig rig = Rig.impatient()) {
            TestVfio vfio = new TestVfio(rig.vfio);
            vfio.inProbe = _ -> {
                inside.countDown();
                await(probe);
            };
            vfio.inRemove = _ -> await(remove);
            var driver = rig.vfio.registerDriver(vfio);
            rig.load(new TestMtty());
            var create = start(() -> rig.create("mtty-1"));
            await(inside);
            driver.close();
            probe.countDown();
            assertEquals(Optional.empty(), create.get(Rig.LONG.toSeconds(), TimeUnit.SECONDS));
            assertEquals(1, vfio.bound(), "it has not released its device");
            remove.countDown();
            Rig.await(() -> vfio.bound() == 0);
        }
    }
}
