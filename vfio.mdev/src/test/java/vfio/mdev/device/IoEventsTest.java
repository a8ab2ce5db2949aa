package vfio.mdev.device;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.OptionalLong;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import mdev.api.Mdev;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.GetRegionIoEvents;
import mdev.api.vfio.IoEvent;
import mdev.api.vfio.IoEventFd;
import mdev.api.vfio.IoctlReply;
import mdev.api.vfio.IoctlRequest;
import mdev.api.vfio.RegionIoEvents;
import mdev.api.vfio.Reset;
import mdev.api.vfio.VfioDevice;
import mdev.core.slot.VendorSlot;
import mdev.linux.Fd;
import mdev.linux.LinuxException;
import mdev.sync.Deadline;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import vfio.mdev.Await;
import vfio.mdev.OpenedDevice;
import vfio.mdev.TestPlatform;
import vfio.mdev.TestVendor;

/** Doorbells: eventfds that stand for writes to a region. */
class IoEventsTest {
    private static final int BAR = 0;

    /** A vendor with doorbells in BAR0, which records writes. */
    private static final class Bells extends TestVendor {
        private final List<IoEvent> events;
        private final BlockingQueue<String> writes = new LinkedBlockingQueue<>();
        private volatile Runnable onWrite = () -> {};
        private volatile Runnable onReset = () -> {};

        Bells(IoEvent... events) {
            this.events = List.of(events);
        }

        @Override
        public void write(int region, long offset, MemorySegment data, long dataOffset, int length) {
            check(true);
            byte[] bytes = data.asSlice(dataOffset, length).toArray(JAVA_BYTE);
            writes.add(region + "@" + offset + "=" + HexFormat.of().formatHex(bytes));
            onWrite.run();
        }

        @Override
        public IoctlReply ioctl(IoctlRequest request) throws ErrnoException {
            return switch (request) {
                case GetRegionIoEvents(int index) when index > 8 -> throw new ErrnoException(Errno.EINVAL);
                case GetRegionIoEvents(int index) -> new RegionIoEvents(index == BAR ? events : List.of());
                case Reset _ -> {
                    onReset.run();
                    yield IoctlReply.DONE;
                }
                default -> super.ioctl(request);
            };
        }

        String next() throws InterruptedException {
            String write = writes.poll(TestPlatform.PATIENCE.toSeconds(), TimeUnit.SECONDS);
            if (write == null) {
                throw new AssertionError("no write comes");
            }
            return write;
        }
    }

    private final TestPlatform platform = new TestPlatform();
    private final List<Fd> owned = new ArrayList<>();

    IoEventsTest() throws ErrnoException {}

    @AfterEach
    void end() {
        owned.forEach(Fd::close);
        platform.close();
        Await.until("no thread is left", () -> threads().isEmpty());
    }

    private static List<String> threads() {
        return Thread.getAllStackTraces().keySet().stream()
                .map(Thread::getName)
                .filter(name -> name.startsWith("vfio-ioeventfd-"))
                .toList();
    }

    private List<Fd> fds(VfioDevice device, int most) throws ErrnoException {
        List<Fd> fds = device.regionIoFds(BAR, most).stream()
                .map(one -> Fd.adopt(one.fd()))
                .toList();
        owned.addAll(fds);
        return fds;
    }

    private static void signal(Fd fd) throws LinuxException {
        add(fd, 1);
    }

    private static void add(Fd fd, long count) throws LinuxException {
        try (Arena arena = Arena.ofConfined()) {
            fd.write(arena.allocateFrom(JAVA_LONG, count));
        }
    }

    private static IoEvent bell(long offset, int size, long value) {
        return new IoEvent(offset, size, OptionalLong.of(value));
    }

    @Test
    void aSignalIsTheWriteThatItStandsFor() throws Exception {
        var vendor = new Bells(
                bell(0x10, 1, 0xfe),
                bell(0x12, 2, 0xfedc),
                bell(0x14, 4, 0xfedcba98L),
                bell(0x18, 8, 0xfedcba9876543210L),
                new IoEvent(0x20, 4));
        try (OpenedDevice open = platform.open(platform.add(0, vendor))) {
            List<IoEventFd> all = open.device().regionIoFds(BAR, 100);
            assertEquals(vendor.events, all.stream().map(IoEventFd::event).toList());
            all.forEach(one -> Fd.adopt(one.fd()).close());
            List<String> expected =
                    List.of("0@16=fe", "0@18=dcfe", "0@20=98badcfe", "0@24=1032547698badcfe", "0@32=00000000");
            List<Fd> fds = fds(open.device(), 100);
            for (int i = 0; i < fds.size(); i++) {
                signal(fds.get(i));
                assertEquals(expected.get(i), vendor.next());
                signal(fds.get(i));
                assertEquals(expected.get(i), vendor.next(), "again");
            }
            assertEquals(1, threads().size(), "one thread for all");
            assertEquals(0, vendor.violations.get());
        }
    }

    @Test
    void aUserTakesAsManyAsItWantsAndThereAreNotManyOfThem() throws Exception {
        var vendor = new Bells(
                IntStream.range(0, 100).mapToObj(i -> bell(4L * i, 4, i)).toArray(IoEvent[]::new));
        try (OpenedDevice open = platform.open(platform.add(0, vendor))) {
            assertEquals(0, fds(open.device(), 0).size());
            assertEquals(0, fds(open.device(), -1).size());
            assertEquals(3, fds(open.device(), 3).size());
            List<Fd> all = fds(open.device(), 1000);
            assertEquals(64, all.size());
            signal(all.get(63));
            assertEquals("0@252=3f000000", vendor.next());
            assertEquals(List.of(), open.device().regionIoFds(1, 10));
            assertErrno(Errno.EINVAL, () -> open.device().regionIoFds(9, 10));
        }
    }

    private static void assertErrno(Errno expected, Executable call) {
        assertEquals(expected, assertThrows(ErrnoException.class, call).errno());
    }

    @Test
    void aDriverWithoutThemHasNone() throws Exception {
        try (OpenedDevice open = platform.open(platform.add(0, new TestVendor()))) {
            assertEquals(List.of(), open.device().regionIoFds(BAR, 10));
            assertEquals(List.of(), threads());
        }
    }

    /** A user that fills or reads the counter of its eventfd, or makes it blocking, affects only itself. */
    @Test
    void aHostileUserStopsNoThread() throws Exception {
        var vendor = new Bells(bell(0, 4, 1), bell(4, 4, 2));
        try (OpenedDevice open = platform.open(platform.add(0, vendor))) {
            List<Fd> fds = fds(open.device(), 2);
            fds.get(0).setNonblocking(false);
            add(fds.get(0), -2); // the largest count
            assertEquals("0@0=01000000", vendor.next());

            var done = new AtomicBoolean();
            var thieves = Stream.generate(() -> Thread.ofPlatform().start(() -> {
                        try (Arena arena = Arena.ofConfined()) {
                            MemorySegment count = arena.allocate(JAVA_LONG);
                            while (!done.get()) {
                                fds.get(0).read(count); // blocks until it reads a signal before the platform does
                            }
                        } catch (LinuxException e) {
                            throw new AssertionError(e);
                        }
                    }))
                    .limit(2)
                    .toList();
            for (int i = 0; i < 10_000; i++) {
                signal(fds.get(0));
            }
            signal(fds.get(1));
            Await.until("the other doorbell works", () -> vendor.writes.contains("0@4=02000000"));
            done.set(true);
            for (Thread thief : thieves) {
                while (thief.isAlive()) {
                    signal(fds.get(0));
                    thief.join(Duration.ofMillis(1));
                }
            }
        }
    }

    /** A vendor that blocks in a write delays only its own device, and its removal as any access does. */
    @Test
    void aVendorThatBlocksHoldsUpItsOwnDeviceOnly() throws Exception {
        var inside = new CountDownLatch(1);
        var go = new CountDownLatch(1);
        var hung = new Bells(bell(0, 4, 1));
        hung.onWrite = () -> {
            inside.countDown();
            Deadline.in(TestPlatform.PATIENCE).awaitUninterruptibly(go);
        };
        var other = new Bells(bell(0, 4, 2));
        Mdev first = platform.add(0, hung);
        OpenedDevice open = platform.open(first);
        try (OpenedDevice next = platform.open(platform.add(1, other))) {
            signal(fds(open.device(), 1).getFirst());
            inside.await();
            signal(fds(next.device(), 1).getFirst());
            assertEquals("0@0=02000000", other.next());
            platform.remove(first, Duration.ofMillis(1));
            assertEquals(0, hung.releases.get(), "a write is inside");
            go.countDown();
            Await.until("it is released when the write returns", () -> hung.releases.get() == 1);
            assertEquals(0, hung.violations.get());
        }
        open.close();
    }

    @Test
    void aVendorThatThrowsIsCalledAgain() throws Exception {
        var vendor = new Bells(bell(0, 4, 1));
        vendor.onWrite = () -> {
            throw new IllegalStateException("of the test");
        };
        try (OpenedDevice open = platform.open(platform.add(0, vendor))) {
            Fd fd = fds(open.device(), 1).getFirst();
            for (int i = 0; i < 3; i++) {
                signal(fd);
                vendor.next();
            }
        }
    }

    /** Fails if {@code OpenDevice} does not discard the signals before the vendor's reset. */
    @Test
    void aResetForgetsWhatIsNoWriteYet() throws Exception {
        var inside = new CountDownLatch(1);
        var go = new CountDownLatch(1);
        var vendor = new Bells(bell(0, 4, 1), bell(4, 4, 2));
        vendor.onWrite = () -> {
            inside.countDown();
            Deadline.in(TestPlatform.PATIENCE).awaitUninterruptibly(go);
        };
        try (OpenedDevice open = platform.open(platform.add(0, vendor))) {
            List<Fd> fds = fds(open.device(), 2);
            signal(fds.get(0));
            inside.await();
            signal(fds.get(1)); // the thread is busy
            open.device().ioctl(new Reset());
            go.countDown();
            assertEquals("0@0=01000000", vendor.next());
            signal(fds.get(0));
            assertEquals("0@0=01000000", vendor.next(), "the doorbell before the reset is gone");
            signal(fds.get(1));
            assertEquals("0@4=02000000", vendor.next(), "one after it comes");
        }
    }

    @ParameterizedTest
    @CsvSource({"true", "false"})
    void noWriteFollowsTheEndOfTheSession(boolean removed) throws Exception {
        var vendor = new Bells(bell(0, 4, 1));
        Mdev mdev = platform.add(0, vendor);
        OpenedDevice open = platform.open(mdev);
        Fd fd = fds(open.device(), 1).getFirst();
        signal(fd);
        vendor.next();
        if (removed) {
            platform.remove(mdev);
            assertErrno(Errno.ENODEV, () -> open.device().regionIoFds(BAR, 1));
        }
        open.close();
        assertEquals(1, vendor.releases.get());
        for (int i = 0; i < 1000; i++) {
            signal(fd);
        }
        Await.until("the thread ends", () -> threads().isEmpty());
        assertNull(vendor.writes.peek());
        assertEquals(0, vendor.violations.get());
        if (!removed) {
            try (OpenedDevice next = platform.open(mdev)) {
                Fd own = fds(next.device(), 1).getFirst();
                signal(fd);
                signal(own);
                vendor.next();
                signal(own);
                vendor.next();
                assertNull(vendor.writes.peek(), "the eventfd of the user before rings no more");
            }
        }
    }

    /** An update of the vendor delays a doorbell; none is lost. Fails if it is taken before the slot is entered. */
    @Test
    void anUpdateDelaysTheWrite() throws Exception {
        var vendor = new Bells(bell(0, 4, 1));
        Mdev mdev = platform.add(0, vendor);
        try (OpenedDevice open = platform.open(mdev)) {
            Fd fd = fds(open.device(), 1).getFirst();
            var slot = (VendorSlot) mdev.slot();
            slot.freeze(Deadline.in(Duration.ZERO)); // already expired, so an access fails
            signal(fd);
            assertErrno(Errno.EAGAIN, () -> open.device().ioctl(new Reset()));
            assertTrue(vendor.writes.isEmpty());
            slot.thaw();
            assertEquals("0@0=01000000", vendor.next());
        }
    }

    /** Many users open and close the device while doorbells ring; none leaves a descriptor. */
    @Test
    void nothingIsLeft() throws Exception {
        var vendor = new Bells(bell(0, 4, 1), bell(4, 4, 2), bell(8, 4, 3));
        Mdev mdev = platform.add(0, vendor);
        platform.open(mdev).close(); // allocates the resources that exist once
        long before = descriptors();
        for (int round = 0; round < 50; round++) {
            try (OpenedDevice open = platform.open(mdev)) {
                for (IoEventFd one : open.device().regionIoFds(BAR, 3)) {
                    try (Fd fd = Fd.adopt(one.fd())) {
                        signal(fd);
                    }
                }
            }
        }
        Await.until("no descriptor is left", () -> descriptors() <= before);
        assertEquals(51, vendor.releases.get());
        assertEquals(0, vendor.violations.get());
        assertFalse(vendor.writes.isEmpty());
    }

    private static long descriptors() {
        try (Stream<Path> all = Files.list(Path.of("/proc/self/fd"))) {
            return all.count();
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    @ParameterizedTest
    @CsvSource({"-4, 4, 0", "2, 4, 0", "0, 3, 0", "0, 16, 0", "0, 0, 0", "0, 1, 256", "0, 4, -1"})
    void impossible(long offset, int size, long value) {
        assertThrows(IllegalArgumentException.class, () -> bell(offset, size, value));
    }
}
