package vfio.mdev.device;

import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import mdev.api.Mdev;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.GetInfo;
import mdev.api.vfio.IoctlReply;
import mdev.api.vfio.IoctlRequest;
import mdev.api.vfio.IrqTrigger;
import mdev.api.vfio.SetIrqs;
import mdev.api.vfio.VfioContext;
import mdev.api.vfio.VfioDevice;
import mdev.api.vfio.VfioNotifier;
import mdev.api.vfio.VfioPci;
import mdev.sync.BoundedCalls;
import mdev.sync.Deadline;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import vfio.mdev.Await;
import vfio.mdev.OpenedDevice;
import vfio.mdev.TestPlatform;
import vfio.mdev.TestVendor;
import vfio.mdev.iommu.DeviceDma;

/** A device between its user, its vendor and its removal. */
class GroupDeviceTest {
    private static final Duration SHORT = Duration.ofMillis(200);

    private final BoundedCalls calls = new BoundedCalls("test");
    private final TestPlatform platform;
    private final MemorySegment buffer = MemorySegment.ofArray(new byte[16]);

    GroupDeviceTest() throws ErrnoException {
        platform = new TestPlatform();
    }

    @AfterEach
    void close() {
        platform.close();
        calls.close();
    }

    private static void assertErrno(Errno expected, Executable call) {
        assertEquals(expected, assertThrows(ErrnoException.class, call).errno());
    }

    @Test
    void opensForTheFirstHandleAndReleasesAfterTheLast() throws ErrnoException {
        TestVendor vendor = new TestVendor();
        Mdev mdev = platform.add(0, vendor);
        for (int round = 1; round <= 3; round++) {
            OpenedDevice first = platform.open(mdev);
            VfioDevice second = first.group().getDevice(mdev.uuid().toString());
            first.device().close();
            first.device().close();
            assertErrno(Errno.EBADF, () -> first.device().read(0, 0, buffer, 0, 1));
            assertErrno(Errno.EBADF, () -> first.device().ioctl(new GetInfo()));
            assertDoesNotThrow(() -> second.read(0, 0, buffer, 0, 8));
            assertEquals(round - 1, vendor.releases.get());
            second.close();
            first.close();
            assertEquals(round, vendor.opens.get());
            assertEquals(round, vendor.releases.get());
        }
        assertEquals(0, vendor.violations.get());
    }

    @Test
    void checksArgumentsBeforeTheVendor() throws ErrnoException {
        try (OpenedDevice open = platform.open(platform.add(0, new TestVendor()))) {
            VfioDevice device = open.device();
            MemorySegment constant = buffer.asReadOnly();
            MemorySegment freed;
            try (Arena arena = Arena.ofShared()) {
                freed = arena.allocate(8);
            }
            assertAll(
                    () -> assertErrno(Errno.EINVAL, () -> device.read(0, -1, buffer, 0, 1)),
                    () -> assertErrno(Errno.EINVAL, () -> device.write(0, 0, buffer, 0, -1)),
                    () -> assertErrno(Errno.EFAULT, () -> device.read(0, 0, buffer, 16, 1)),
                    () -> assertErrno(Errno.EFAULT, () -> device.write(0, 0, buffer, -1, 1)),
                    () -> assertErrno(Errno.EFAULT, () -> device.write(0, 0, buffer, Long.MAX_VALUE, 8)),
                    () -> assertErrno(Errno.EFAULT, () -> device.read(0, 0, constant, 0, 1)),
                    () -> assertErrno(Errno.EFAULT, () -> device.read(0, 0, freed, 0, 1)),
                    () -> assertErrno(Errno.EFAULT, () -> device.write(0, 0, freed, 0, 1)),
                    () -> assertDoesNotThrow(() -> device.write(0, 0, constant, 0, 1)),
                    () -> assertDoesNotThrow(() -> device.read(0, 1 << 20, buffer, 0, 0)),
                    () -> assertErrno(Errno.EINVAL, () -> device.read(0, 8, buffer, 0, 1)));
        }
    }

    /** A vendor's exception has no further effect: the user gets EIO and everything else continues. */
    @Test
    void survivesAVendorThatThrows() throws ErrnoException {
        TestVendor vendor = new TestVendor() {
            @Override
            public void read(int region, long offset, MemorySegment data, long dataOffset, int length) {
                throw new IllegalStateException("read");
            }

            @Override
            public void write(int region, long offset, MemorySegment data, long dataOffset, int length) {
                throw new StackOverflowError("write");
            }

            @Override
            @SuppressWarnings("NullAway") // a vendor's mistake
            public IoctlReply ioctl(IoctlRequest request) throws ErrnoException {
                return request instanceof Odd ? null : super.ioctl(request);
            }

            @Override
            public void release() {
                super.release();
                throw new IllegalStateException("release");
            }
        };
        Mdev mdev = platform.add(0, vendor);
        try (OpenedDevice open = platform.open(mdev)) {
            assertErrno(Errno.EIO, () -> open.device().read(0, 0, buffer, 0, 1));
            assertErrno(Errno.EIO, () -> open.device().write(0, 0, buffer, 0, 1));
            assertErrno(Errno.EIO, () -> open.device().ioctl(new Odd()));
            assertDoesNotThrow(() -> open.device().ioctl(new GetInfo()));
        }
        platform.open(mdev).close();
        assertEquals(2, vendor.opens.get());
        assertEquals(0, vendor.violations.get());
    }

    private record Odd() implements IoctlRequest {}

    @Test
    void failedOpenFreesEverything() throws ErrnoException {
        AtomicReference<@Nullable Throwable> fault = new AtomicReference<>(new ErrnoException(Errno.ENOMEM));
        TestVendor vendor = new TestVendor() {
            @Override
            public void open(VfioContext context) throws ErrnoException {
                switch (fault.get()) {
                    case ErrnoException e -> throw e;
                    case RuntimeException e -> throw e;
                    case null, default -> super.open(context);
                }
            }
        };
        Mdev mdev = platform.add(0, vendor);
        assertErrno(Errno.ENOMEM, () -> platform.open(mdev));
        fault.set(new IllegalStateException("open"));
        assertErrno(Errno.EIO, () -> platform.open(mdev));
        fault.set(null);
        platform.open(mdev).close();
        assertEquals(1, vendor.opens.get());
        assertEquals(1, vendor.releases.get());
    }

    /** mdev_parent_ops.open is optional in the kernel, too: vfio_mdev_open() returns EINVAL. */
    @Test
    void deviceWithoutOpenCannotBeOpened() throws ErrnoException {
        Mdev mdev = platform.add(0, request -> {
            throw new ErrnoException(Errno.ENOTTY);
        });
        assertErrno(Errno.EINVAL, () -> platform.open(mdev));
        assertTrue(mdev.slot().awaitVacant(Duration.ZERO));
    }

    @Test
    void revokesAUserWithoutACallback() throws ErrnoException {
        TestVendor vendor = new TestVendor();
        Mdev mdev = platform.add(0, vendor);
        OpenedDevice open = platform.open(mdev);
        Trigger intx = new Trigger();
        open.device().ioctl(SetIrqs.arm(VfioPci.INTX_IRQ, 0, intx));
        assertEquals(Optional.of("test"), platform.vfio.user(mdev));

        platform.remove(mdev);
        assertEquals(1, vendor.releases.get());
        assertEquals(1, intx.closes.get());
        assertErrno(Errno.ENODEV, () -> open.device().read(0, 0, buffer, 0, 1));
        assertErrno(Errno.ENODEV, () -> open.device().ioctl(new GetInfo()));
        Trigger late = new Trigger();
        assertErrno(Errno.ENODEV, () -> open.device().ioctl(SetIrqs.arm(VfioPci.INTX_IRQ, 0, late)));
        assertEquals(1, late.closes.get());
        assertErrno(Errno.EINVAL, () -> open.group().getDevice(open.device().name()));
        assertTrue(mdev.slot().awaitVacant(Duration.ZERO));
        VfioContext context = vendor.context;
        assertTrue(context != null && !context.armed(VfioPci.INTX_IRQ, 0));
        open.close();
        assertEquals(1, vendor.releases.get());
        assertEquals(0, vendor.violations.get());
    }

    private static final class Trigger implements IrqTrigger {
        final AtomicInteger signals = new AtomicInteger();
        final AtomicInteger closes = new AtomicInteger();

        @Override
        public void signal() {
            signals.incrementAndGet();
        }

        @Override
        public void close() {
            closes.incrementAndGet();
        }
    }

    @Test
    void asksAUserWithACallbackToClose() throws Exception {
        TestVendor vendor = new TestVendor();
        Mdev mdev = platform.add(0, vendor);
        OpenedDevice open = platform.open(mdev);
        AtomicReference<@Nullable Throwable> lastAccess = new AtomicReference<>();
        CountDownLatch asked = new CountDownLatch(1);
        open.device().onRequest(asked::countDown);
        Thread user = Thread.ofPlatform().start(() -> {
            try {
                asked.await();
                open.device().read(0, 0, buffer, 0, 1); // still intact
            } catch (ErrnoException | InterruptedException e) {
                lastAccess.set(e);
            }
            open.close();
        });
        platform.remove(mdev);
        user.join();
        assertEquals(null, lastAccess.get());
        assertEquals(1, vendor.releases.get());
        assertEquals(0, vendor.violations.get());
    }

    @Test
    void asksByTheReqInterrupt() throws ErrnoException {
        TestVendor vendor = new TestVendor();
        Mdev mdev = platform.add(0, vendor);
        OpenedDevice open = platform.open(mdev);
        Trigger req = new Trigger();
        open.device().ioctl(SetIrqs.arm(VfioPci.REQ_IRQ, 0, new IrqTrigger() {
            @Override
            public void signal() {
                req.signal();
                open.close();
            }

            @Override
            public void close() {
                req.close();
            }
        }));
        platform.remove(mdev);
        assertEquals(1, req.signals.get());
        // It is signalled on a separate thread, which may not have exited yet.
        Await.until("the trigger is released", () -> req.closes.get() == 1);
        assertEquals(1, vendor.releases.get());
    }

    @Test
    void revokesAUserThatDoesNotClose() throws ErrnoException {
        try (TestPlatform hasty = new TestPlatform(SHORT)) {
            TestVendor vendor = new TestVendor();
            Mdev mdev = hasty.add(0, vendor);
            OpenedDevice open = hasty.open(mdev);
            AtomicInteger asked = new AtomicInteger();
            open.device().onRequest(() -> {
                asked.incrementAndGet();
                throw new IllegalStateException("a user's fault");
            });
            hasty.remove(mdev);
            assertEquals(1, asked.get());
            assertEquals(1, vendor.releases.get());
            assertErrno(Errno.ENODEV, () -> open.device().read(0, 0, buffer, 0, 1));
        }
    }

    /**
     * A vendor that hangs in a read delays the removal only until its timeout, and is released once the read returns.
     */
    @Test
    void leavesAHungVendorBehind() throws Exception {
        CountDownLatch inside = new CountDownLatch(1);
        CountDownLatch hang = new CountDownLatch(1);
        TestVendor vendor = new TestVendor() {
            @Override
            public void read(int region, long offset, MemorySegment data, long dataOffset, int length) {
                inside.countDown();
                boolean interrupted = false;
                while (hang.getCount() > 0) {
                    try {
                        hang.await();
                    } catch (InterruptedException e) {
                        interrupted = true;
                    }
                }
                check(!interrupted);
            }
        };
        Mdev mdev = platform.add(0, vendor);
        OpenedDevice open = platform.open(mdev);
        Trigger intx = new Trigger();
        open.device().ioctl(SetIrqs.arm(VfioPci.INTX_IRQ, 0, intx));
        Thread user = Thread.ofPlatform()
                .start(() -> assertDoesNotThrow(() -> open.device().read(0, 0, buffer, 0, 1)));
        inside.await();

        platform.remove(mdev, SHORT);
        assertFalse(mdev.slot().awaitVacant(Duration.ZERO));
        assertEquals(0, vendor.releases.get());
        Await.until("the trigger is released though the vendor hangs", () -> intx.closes.get() == 1);
        assertErrno(Errno.ENODEV, () -> open.device().read(0, 0, buffer, 0, 1));

        hang.countDown();
        user.join();
        assertEquals(1, vendor.releases.get());
        assertTrue(mdev.slot().awaitVacant(Duration.ZERO));
        assertEquals(0, vendor.violations.get());
    }

    /** The open of a user that waits for the previous user's release fails once the device is unbound. */
    @Test
    void waitingOpenerDoesNotOpenARemovedDevice() throws Exception {
        CountDownLatch inside = new CountDownLatch(1);
        CountDownLatch go = new CountDownLatch(1);
        TestVendor vendor = new TestVendor() {
            @Override
            public void release() {
                inside.countDown();
                Deadline.in(TestPlatform.PATIENCE).awaitUninterruptibly(go);
                super.release();
            }
        };
        Mdev mdev = platform.add(0, vendor);
        GroupDevice device = new GroupDevice(mdev, calls, new RegionSpace());
        VfioDevice first = device.open(_ -> DeviceDma.none(), () -> {});
        Thread closer = Thread.ofPlatform().start(first::close);
        inside.await();
        AtomicReference<@Nullable Throwable> answer = new AtomicReference<>();
        Thread second = Thread.ofPlatform().name("second").start(() -> {
            try {
                device.open(_ -> DeviceDma.none(), () -> {});
            } catch (Throwable e) {
                answer.set(e);
            }
        });
        Await.blocked(second);
        device.remove(Deadline.in(SHORT), Duration.ZERO);
        go.countDown();
        closer.join();
        second.join();
        assertTrue(answer.get() instanceof ErrnoException e && e.errno() == Errno.ENODEV, () -> "" + answer.get());
        assertEquals(1, vendor.opens.get());
        assertTrue(mdev.slot().awaitVacant(TestPlatform.PATIENCE));
    }

    @Test
    void failedOpenDetachesTheClientNotifier() throws ErrnoException {
        AtomicInteger attached = new AtomicInteger();
        AtomicInteger detached = new AtomicInteger();
        TestVendor vendor = new TestVendor() {
            @Override
            public void open(VfioContext context) throws ErrnoException {
                context.registerNotifier(new VfioNotifier.Client() {
                    @Override
                    public void attached(String name) {
                        attached.incrementAndGet();
                    }

                    @Override
                    public void detached() {
                        detached.incrementAndGet();
                    }
                });
                throw new ErrnoException(Errno.ENOMEM);
            }
        };
        Mdev mdev = platform.add(0, vendor);
        assertErrno(Errno.ENOMEM, () -> platform.open(mdev));
        assertEquals(1, attached.get());
        assertEquals(1, detached.get());
    }

    @Test
    void removalDuringOpenLeavesNothingOpen() throws Exception {
        CountDownLatch inside = new CountDownLatch(1);
        CountDownLatch go = new CountDownLatch(1);
        TestVendor vendor = new TestVendor() {
            @Override
            public void open(VfioContext context) throws ErrnoException {
                inside.countDown();
                try {
                    go.await();
                } catch (InterruptedException e) {
                    throw new ErrnoException(Errno.EINTR);
                }
                super.open(context);
            }
        };
        Mdev mdev = platform.add(0, vendor);
        AtomicReference<@Nullable Throwable> answer = new AtomicReference<>();
        Thread user = Thread.ofPlatform().name("user").start(() -> {
            try {
                platform.open(mdev);
            } catch (Throwable e) {
                answer.set(e);
            }
        });
        inside.await();
        Thread remover = Thread.ofPlatform().name("remover").start(() -> platform.remove(mdev));
        Await.blocked(remover);
        go.countDown();
        user.join();
        remover.join();
        assertTrue(answer.get() instanceof ErrnoException e && e.errno() == Errno.ENODEV, () -> "" + answer.get());
        assertEquals(1, vendor.opens.get());
        assertEquals(1, vendor.releases.get());
        assertEquals(0, vendor.violations.get());
    }

    @Test
    void answersQuestionsWithoutAUser() throws ErrnoException {
        TestVendor vendor = new TestVendor();
        GroupDevice device = new GroupDevice(platform.add(0, vendor), calls, new RegionSpace());
        var info = device.inspect(open -> open.ioctl(new GetInfo()));
        assertEquals(vendor.opens.get(), vendor.releases.get());
        assertEquals(0, vendor.violations.get());
        VfioDevice user = device.open(_ -> DeviceDma.none(), () -> {});
        assertEquals(info, device.inspect(open -> open.ioctl(new GetInfo())));
        assertEquals(2, vendor.opens.get());
        assertEquals(1, vendor.releases.get());
        user.close();
        assertEquals(2, vendor.releases.get());
    }
}
