package vfio.mdev.device;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.IntStream;
import mdev.api.Mdev;
import mdev.api.Slot;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.GetIrqInfo;
import mdev.api.vfio.IoctlReply;
import mdev.api.vfio.IoctlRequest;
import mdev.api.vfio.IrqInfo;
import mdev.api.vfio.IrqTrigger;
import mdev.api.vfio.MapDma;
import mdev.api.vfio.SetIrqs;
import mdev.api.vfio.UnmapDma;
import mdev.api.vfio.UserMemory;
import mdev.api.vfio.VfioContext;
import mdev.api.vfio.VfioNotifier;
import mdev.api.vfio.VfioPci;
import mdev.core.slot.VendorSlot;
import mdev.sync.Deadline;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import vfio.mdev.Await;
import vfio.mdev.OpenedDevice;
import vfio.mdev.TestPlatform;
import vfio.mdev.TestVendor;

/** The vendor's object of an open device is replaced, as the core does it in a live update; the user stays. */
final class ReplacedVendorTest {
    private static final long PAGE = 4096;

    private final TestPlatform platform;
    private final MemorySegment buffer = MemorySegment.ofArray(new byte[8]);

    ReplacedVendorTest() throws ErrnoException {
        platform = new TestPlatform();
    }

    @AfterEach
    void close() {
        platform.close();
    }

    private static void replace(Mdev mdev, TestVendor from, TestVendor to) throws ErrnoException {
        VendorSlot slot = (VendorSlot) mdev.slot();
        slot.freeze(Deadline.in(TestPlatform.PATIENCE));
        assertTrue(slot.awaitEmpty(Deadline.in(TestPlatform.PATIENCE)));
        Slot.Occupant user = Objects.requireNonNull(slot.occupant());
        from.release();
        user.parked();
        slot.install(to);
        try {
            user.reopen(to);
        } finally {
            slot.thaw();
        }
    }

    private static VfioContext context(TestVendor vendor) {
        return Objects.requireNonNull(vendor.context);
    }

    private static void assertErrno(Errno expected, Executable call) {
        assertEquals(expected, assertThrows(ErrnoException.class, call).errno());
    }

    @Test
    void replacementKeepsTriggersAndRegionMemory() throws ErrnoException {
        TestVendor one = new TestVendor();
        TestVendor two = new TestVendor();
        Mdev mdev = platform.add(0, one);
        AtomicInteger signals = new AtomicInteger();
        IrqTrigger trigger = signals::incrementAndGet;
        try (OpenedDevice open = platform.open(mdev)) {
            open.device()
                    .ioctl(new SetIrqs(
                            SetIrqs.DATA_EVENTFD | SetIrqs.ACTION_TRIGGER,
                            VfioPci.MSI_IRQ,
                            0,
                            1,
                            new SetIrqs.Data.Triggers(List.of(trigger))));
            context(one).regionMemory(VfioPci.BAR1_REGION, PAGE).set(ValueLayout.JAVA_INT, 0, 42);
            context(one).trigger(VfioPci.MSI_IRQ, 0);

            replace(mdev, one, two);

            assertNotSame(context(one), context(two));
            assertEquals(
                    42, context(two).regionMemory(VfioPci.BAR1_REGION, PAGE).get(ValueLayout.JAVA_INT, 0));
            context(two).trigger(VfioPci.MSI_IRQ, 0);
            assertEquals(2, signals.get());
            open.device().write(0, 0, buffer, 0, 8);
        }
        assertEquals(1, one.releases.get());
        assertEquals(1, two.releases.get());
        assertEquals(0, one.violations.get() + two.violations.get());
    }

    @Test
    void oldObjectNoLongerReachesTheUser() throws ErrnoException {
        TestVendor one = new TestVendor();
        TestVendor two = new TestVendor();
        Mdev mdev = platform.add(0, one);
        AtomicInteger unmapped = new AtomicInteger();
        VfioNotifier.DmaUnmap notifier = (_, _) -> unmapped.incrementAndGet();
        try (OpenedDevice _ = platform.open(mdev)) {
            context(one).registerNotifier(notifier);

            replace(mdev, one, two);

            VfioContext old = context(one);
            assertErrno(Errno.ENODEV, () -> old.pinPages(new long[] {1}, 1));
            assertErrno(Errno.ENODEV, () -> old.dmaRead(0, buffer, 0, 8));
            assertErrno(Errno.ENODEV, () -> old.regionMemory(VfioPci.BAR1_REGION, PAGE));
            assertErrno(Errno.ENODEV, () -> old.registerNotifier((VfioNotifier.DmaUnmap) (_, _) -> {}));
            context(two).registerNotifier(notifier); // not a duplicate: the old registration has ended
            context(two).unregisterNotifier(notifier);
        }
    }

    /** A version of the vendor with a number of MSI vectors. */
    private static final class Vectors extends TestVendor {
        private final int count;

        Vectors(int count) {
            this.count = count;
        }

        @Override
        public IoctlReply ioctl(IoctlRequest request) throws ErrnoException {
            return request instanceof GetIrqInfo(int index) && index == VfioPci.MSI_IRQ
                    ? new IrqInfo(index, IrqInfo.EVENTFD | IrqInfo.NORESIZE, count)
                    : super.ioctl(request);
        }
    }

    @Test
    void newVersionMayAddInterruptsButNotRemoveThem() throws ErrnoException {
        TestVendor two = new Vectors(2);
        TestVendor four = new Vectors(4);
        Mdev mdev = platform.add(0, two);
        try (OpenedDevice open = platform.open(mdev)) {
            replace(mdev, two, four);
            open.device()
                    .ioctl(new SetIrqs(
                            SetIrqs.DATA_NONE | SetIrqs.ACTION_TRIGGER,
                            VfioPci.MSI_IRQ,
                            3,
                            1,
                            new SetIrqs.Data.None()));
            assertErrno(Errno.EINVAL, () -> replace(mdev, four, new Vectors(2)));
        }
    }

    /** The wait for an update does not count as the vendor's: the notifier has its full time afterwards. */
    @Test
    void notifierIsWaitedForDuringAnUpdate() throws Exception {
        TestVendor vendor = new TestVendor();
        Mdev mdev = platform.add(0, vendor);
        VendorSlot slot = (VendorSlot) mdev.slot();
        try (OpenedDevice open = platform.open(mdev)) {
            UserMemory memory = new UserMemory.Local(Arena.global().allocate(PAGE, PAGE));
            open.container().ioctl(new MapDma(MapDma.READ | MapDma.WRITE, memory, 0, PAGE));
            VfioContext context = context(vendor);
            AtomicReference<@Nullable ErrnoException> failure = new AtomicReference<>();
            CountDownLatch notified = new CountDownLatch(1);
            context.registerNotifier((VfioNotifier.DmaUnmap) (_, _) -> {
                try {
                    context.dmaRead(0, buffer, 0, 8);
                    context.unpinPages(new long[] {0});
                } catch (ErrnoException e) {
                    failure.set(e);
                }
                notified.countDown();
            });
            context.pinPages(new long[] {0}, 1);
            Deadline frozen = Deadline.in(TestPlatform.PATIENCE);
            assertTrue(slot.freeze(frozen));
            assertTrue(slot.awaitEmpty(frozen));

            Thread user = Thread.ofPlatform().start(() -> {
                try {
                    open.container().ioctl(new UnmapDma(0, PAGE));
                } catch (ErrnoException e) {
                    failure.set(e);
                }
            });
            Deadline grace = Deadline.in(Duration.ofMillis(2_200)); // more than twice the time of a notifier
            Await.until("the user has given up, or waits", () -> !user.isAlive() || grace.hasPassed());
            slot.thaw();

            assertTrue(notified.await(1, TimeUnit.MINUTES));
            assertTrue(user.join(Duration.ofMinutes(1)));
            assertNull(failure.get());
        }
    }

    /** Accesses during repeated replacements of the vendor: an open vendor answers each. */
    @Test
    void accessesContinueDuringReplacements() throws Exception {
        TestVendor vendor = new TestVendor();
        List<TestVendor> all = new ArrayList<>(List.of(vendor));
        Mdev mdev = platform.add(0, vendor);
        Queue<Throwable> failures = new ConcurrentLinkedQueue<>();
        AtomicLong accesses = new AtomicLong();
        try (OpenedDevice open = platform.open(mdev)) {
            List<Thread> users = IntStream.range(0, 4)
                    .mapToObj(_ -> Thread.ofPlatform().start(() -> {
                        MemorySegment data = MemorySegment.ofArray(new byte[8]);
                        while (!Thread.currentThread().isInterrupted() && failures.isEmpty()) {
                            try {
                                open.device().write(0, 0, data, 0, 8);
                                open.device().read(0, 0, data, 0, 8);
                                accesses.incrementAndGet();
                            } catch (ErrnoException | RuntimeException e) {
                                failures.add(e);
                            }
                        }
                    }))
                    .toList();
            for (int i = 0; i < 500; i++) {
                TestVendor next = new TestVendor();
                replace(mdev, all.getLast(), next);
                all.add(next);
            }
            for (Thread user : users) {
                user.interrupt();
                assertTrue(user.join(Duration.ofMinutes(1)));
            }
        }
        assertEquals(List.of(), List.copyOf(failures));
        assertTrue(accesses.get() > 0);
        assertEquals(0, all.stream().mapToInt(each -> each.violations.get()).sum());
        assertEquals(
                all.size(), all.stream().mapToInt(each -> each.releases.get()).sum());
    }
}
