package vfio.mdev.device;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import mdev.api.Mdev;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.VfioDevice;
import mdev.sync.BoundedCalls;
import org.junit.jupiter.api.Test;
import vfio.mdev.Await;
import vfio.mdev.OpenedDevice;
import vfio.mdev.TestPlatform;
import vfio.mdev.TestVendor;
import vfio.mdev.iommu.DeviceDma;

/**
 * Users that access, open and close while the device is removed: the vendor is never entered after its release, and
 * each open has exactly one release.
 */
class RemovalStressTest {
    private static final int ROUNDS = 200;

    @Test
    void neverEntersAReleasedVendor() throws Exception {
        try (TestPlatform platform = new TestPlatform()) {
            for (int round = 0; round < ROUNDS; round++) {
                TestVendor vendor = new TestVendor();
                Mdev mdev = platform.add(round % 3, vendor);
                OpenedDevice open = platform.open(mdev);
                ConcurrentLinkedQueue<Errno> ends = new ConcurrentLinkedQueue<>();
                AtomicInteger accesses = new AtomicInteger();
                List<Thread> users = new ArrayList<>();
                for (int i = 0; i < 2; i++) {
                    users.add(Thread.ofPlatform().start(() -> ends.add(access(open.device(), accesses))));
                }
                users.add(Thread.ofPlatform().start(() -> ends.add(reopen(open))));
                Await.until("accesses", () -> accesses.get() > 50);
                platform.remove(mdev);
                for (Thread user : users) {
                    user.join();
                }
                assertEquals(0, vendor.violations.get());
                assertEquals(vendor.opens.get(), vendor.releases.get());
                assertEquals(2, ends.stream().filter(Errno.ENODEV::equals).count(), ends::toString);
                open.close();
                assertEquals(vendor.opens.get(), vendor.releases.get());
            }
        }
    }

    private static Errno access(VfioDevice device, AtomicInteger accesses) {
        MemorySegment data = MemorySegment.ofArray(new byte[4]);
        try {
            while (true) {
                device.write(0, 0, data, 0, 4);
                device.read(0, 4, data, 0, 4);
                accesses.incrementAndGet();
            }
        } catch (ErrnoException e) {
            return e.errno();
        }
    }

    /** Opens further handles; ends with EINVAL, because the group has lost its container. */
    private static Errno reopen(OpenedDevice open) {
        try {
            while (true) {
                open.group().getDevice(open.device().name()).close();
            }
        } catch (ErrnoException e) {
            return e.errno() == Errno.ENODEV ? Errno.EINVAL : e.errno(); // either, depending on the timing
        }
    }

    /** With changing users, the vendor's open and release alternate. */
    @Test
    void alternatesOpenAndRelease() throws Exception {
        try (TestPlatform platform = new TestPlatform();
                BoundedCalls calls = new BoundedCalls("test")) {
            TestVendor vendor = new TestVendor();
            GroupDevice device = new GroupDevice(platform.add(0, vendor), calls, new RegionSpace());
            List<Thread> users = new ArrayList<>();
            AtomicInteger left = new AtomicInteger();
            for (int i = 0; i < 3; i++) {
                users.add(Thread.ofPlatform().start(() -> {
                    for (int n = 0; n < 5000; n++) {
                        try {
                            device.open(_ -> DeviceDma.none(), left::incrementAndGet)
                                    .close();
                        } catch (ErrnoException e) {
                            throw new AssertionError(e);
                        }
                    }
                }));
            }
            for (Thread user : users) {
                user.join();
            }
            assertEquals(15_000, left.get());
            assertEquals(0, vendor.violations.get());
            assertEquals(vendor.opens.get(), vendor.releases.get());
        }
    }
}
