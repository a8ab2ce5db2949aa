package vfio.mdev.device;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import mdev.api.Mdev;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.VfioContext;
import mdev.linux.Fd;
import mdev.linux.LinuxException;
import mdev.linux.Mapping;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import vfio.mdev.TestPlatform;
import vfio.mdev.TestVendor;
import vfio.mdev.tty.OpenedDevice;

/** The memory behind a region, which a vendor shares with its user. */
class RegionMemoryTest {
    private static final int BAR = 2;
    private static final long SIZE = 1 << 16;

    private final TestPlatform platform = new TestPlatform();
    private final TestVendor card = new TestVendor();
    private final Mdev mdev = platform.add(0, card);

    RegionMemoryTest() throws ErrnoException {}

    private static void assertErrno(Errno expected, Executable call) {
        assertEquals(expected, assertThrows(ErrnoException.class, call).errno());
    }

    private VfioContext context() {
        VfioContext context = card.context;
        if (context == null) {
            throw new AssertionError("not open");
        }
        return context;
    }

    @Test
    void vendorAndUserSeeTheSameBytes() throws Exception {
        try (OpenedDevice open = platform.open(mdev)) {
            MemorySegment vendor = context().regionMemory(BAR, SIZE);
            assertEquals(SIZE, vendor.byteSize());
            assertEquals(0, vendor.get(JAVA_BYTE, SIZE - 1));
            try (Fd file = Fd.adopt(open.device().regionFd(BAR));
                    Mapping user = Mapping.of(file, 0, SIZE, Mapping.Protection.READ_WRITE)) {
                vendor.set(JAVA_BYTE, 5, (byte) 1);
                user.segment().set(JAVA_BYTE, SIZE - 1, (byte) 2);
                assertEquals(1, user.segment().get(JAVA_BYTE, 5));
                assertEquals(2, vendor.get(JAVA_BYTE, SIZE - 1));
            }
        }
        platform.close();
    }

    @Test
    void whatIsInItOutlivesTheUser() throws Exception {
        MemorySegment first;
        try (OpenedDevice _ = platform.open(mdev)) {
            first = context().regionMemory(BAR, SIZE);
            first.set(JAVA_BYTE, 0, (byte) 7);
        }
        assertThrows(IllegalStateException.class, () -> first.get(JAVA_BYTE, 0), "after the release");
        try (OpenedDevice _ = platform.open(mdev)) {
            assertEquals(7, context().regionMemory(BAR, SIZE).get(JAVA_BYTE, 0));
        }
        platform.close();
    }

    @Test
    void aUserCannotCutItShort() throws Exception {
        try (OpenedDevice open = platform.open(mdev)) {
            context().regionMemory(BAR, SIZE);
            try (Fd file = Fd.adopt(open.device().regionFd(BAR))) {
                assertThrows(LinuxException.class, () -> file.truncate(0));
            }
        }
        platform.close();
    }

    @Test
    void itIsGivenBackWithTheDevice() throws Exception {
        long before = memfds();
        VfioContext released;
        try (OpenedDevice _ = platform.open(mdev)) {
            released = context();
            released.regionMemory(BAR, SIZE);
            assertEquals(before + 1, memfds());
        }
        assertEquals(before + 1, memfds(), "the device keeps its state");
        assertErrno(Errno.ENODEV, () -> released.regionMemory(BAR, SIZE));
        platform.remove(mdev);
        assertEquals(before, memfds());
        platform.close();
    }

    private static long memfds() throws Exception {
        try (Stream<Path> fds = Files.list(Path.of("/proc/self/fd"))) {
            return fds.filter(fd -> {
                        try {
                            return Files.readSymbolicLink(fd).toString().startsWith("/memfd:mdev-");
                        } catch (IOException e) {
                            return false; // closed since it was listed
                        }
                    })
                    .count();
        }
    }

    @Test
    void refusesWhatIsNone() throws Exception {
        try (OpenedDevice open = platform.open(mdev)) {
            context().regionMemory(BAR, SIZE);
            assertErrno(Errno.EINVAL, () -> context().regionMemory(BAR, 2 * SIZE));
            assertErrno(Errno.EINVAL, () -> context().regionMemory(BAR + 1, 0));
            assertErrno(Errno.EINVAL, () -> context().regionMemory(-1, SIZE));
            assertErrno(Errno.EINVAL, () -> open.device().regionFd(BAR + 1));
            platform.remove(mdev);
            assertErrno(Errno.ENODEV, () -> open.device().regionFd(BAR));
        }
        platform.close();
    }
}
