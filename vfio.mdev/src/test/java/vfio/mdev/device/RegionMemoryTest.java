package vfio.mdev.device;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
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
import vfio.mdev.OpenedDevice;
import vfio.mdev.TestPlatform;
import vfio.mdev.TestVendor;

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

    /** A user that keeps its mapping after closing the device, and continues to read. */
    @Test
    void earlierUserSeesNothingOfTheNext() throws Exception {
        MemorySegment first;
        Fd kept;
        try (OpenedDevice open = platform.open(mdev)) {
            first = context().regionMemory(BAR, SIZE);
            first.set(JAVA_BYTE, 0, (byte) 7);
            kept = Fd.adopt(open.device().regionFd(BAR));
        }
        assertThrows(IllegalStateException.class, () -> first.get(JAVA_BYTE, 0), "after the release");
        try (OpenedDevice open = platform.open(mdev);
                Mapping hostile = Mapping.of(kept, 0, SIZE, Mapping.Protection.READ_WRITE)) {
            MemorySegment next = context().regionMemory(BAR, SIZE);
            assertEquals(-1, next.mismatch(MemorySegment.ofArray(new byte[(int) SIZE])), "all zeroes");
            hostile.segment().fill((byte) 1);
            assertEquals(0, next.get(JAVA_BYTE, SIZE - 1), "nor can it draw");
            next.fill((byte) 2);
            assertEquals(1, hostile.segment().get(JAVA_BYTE, 0), "nor look");
            try (Fd file = Fd.adopt(open.device().regionFd(BAR));
                    Mapping user = Mapping.of(file, 0, SIZE, Mapping.Protection.READ)) {
                assertEquals(2, user.segment().get(JAVA_BYTE, 0));
            }
        } finally {
            kept.close();
        }
        platform.close();
    }

    @Test
    void userCannotTruncateIt() throws Exception {
        try (OpenedDevice open = platform.open(mdev)) {
            context().regionMemory(BAR, SIZE);
            try (Fd file = Fd.adopt(open.device().regionFd(BAR))) {
                assertThrows(LinuxException.class, () -> file.truncate(0));
            }
        }
        platform.close();
    }

    @Test
    void memoryIsFreedWithTheLastMapping() throws Exception {
        long before = memfds();
        long mapped = mappings();
        VfioContext released;
        Mapping user;
        try (OpenedDevice open = platform.open(mdev)) {
            released = context();
            released.regionMemory(BAR, SIZE);
            assertEquals(before + 1, memfds());
            try (Fd file = Fd.adopt(open.device().regionFd(BAR))) {
                user = Mapping.of(file, 0, SIZE, Mapping.Protection.READ_WRITE); // closed below
            }
        }
        assertErrno(Errno.ENODEV, () -> released.regionMemory(BAR, SIZE));
        assertEquals(before, memfds(), "it can no longer be mapped");
        assertEquals(mapped + 1, mappings(), "but the user still does");
        user.segment().set(JAVA_BYTE, 0, (byte) 1);
        user.close();
        assertEquals(mapped, mappings());
        platform.close();
    }

    @Test
    void removalInUseKeepsTheUsersMapping() throws Exception {
        long before = memfds();
        try (OpenedDevice open = platform.open(mdev)) {
            MemorySegment vendor = context().regionMemory(BAR, SIZE);
            vendor.fill((byte) 3);
            try (Fd file = Fd.adopt(open.device().regionFd(BAR));
                    Mapping user = Mapping.of(file, 0, SIZE, Mapping.Protection.READ_WRITE)) {
                platform.remove(mdev);
                assertThrows(IllegalStateException.class, () -> vendor.get(JAVA_BYTE, 0));
                assertEquals(3, user.segment().get(JAVA_BYTE, SIZE - 1));
            }
        }
        assertEquals(before, memfds());
        platform.close();
    }

    private static long mappings() throws Exception {
        try (Stream<String> maps = Files.lines(Path.of("/proc/self/maps"))) {
            return maps.filter(line -> line.contains("/memfd:mdev-")).count();
        }
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
    void clearedMemoryIsZeroForBothAndFreesItsPages() throws Exception {
        try (OpenedDevice open = platform.open(mdev)) {
            MemorySegment vendor = context().regionMemory(BAR, SIZE);
            MemorySegment other = context().regionMemory(BAR + 1, SIZE).fill((byte) 3);
            try (Fd file = Fd.adopt(open.device().regionFd(BAR));
                    Mapping mapping = Mapping.of(file, 0, SIZE, Mapping.Protection.READ_WRITE)) {
                MemorySegment user = mapping.segment();
                for (int time = 0; time < 2; time++) {
                    vendor.asSlice(0, SIZE / 2).fill((byte) 1);
                    user.asSlice(SIZE / 2).fill((byte) 2);
                    assertEquals(SIZE / 512, file.stat().blocks());
                    context().clearRegionMemory(BAR);
                    assertEquals(0, file.stat().blocks());
                    assertEquals(SIZE, file.stat().size());
                    MemorySegment zeroes = MemorySegment.ofArray(new byte[(int) SIZE]);
                    assertEquals(-1, user.mismatch(zeroes));
                    assertEquals(-1, vendor.mismatch(zeroes));
                    vendor.set(JAVA_BYTE, 5, (byte) 1);
                    user.set(JAVA_BYTE, SIZE - 1, (byte) 2);
                    assertEquals(1, user.get(JAVA_BYTE, 5));
                    assertEquals(2, vendor.get(JAVA_BYTE, SIZE - 1));
                }
            }
            assertEquals(3, other.get(JAVA_BYTE, SIZE - 1), "another region");
        }
        platform.close();
    }

    /** 64 GiB cost only address space, and can be cleared in one call. */
    @Test
    void largeMemoryIsSparse() throws Exception {
        long size = 64L << 30;
        try (OpenedDevice open = platform.open(mdev)) {
            MemorySegment vendor = context().regionMemory(BAR, size);
            try (Fd file = Fd.adopt(open.device().regionFd(BAR));
                    Mapping whole = Mapping.of(file, 0, size, Mapping.Protection.READ_WRITE);
                    Mapping last = Mapping.of(file, size - SIZE, SIZE, Mapping.Protection.READ_WRITE)) {
                vendor.set(JAVA_BYTE, size - 1, (byte) 1);
                assertEquals(1, whole.segment().get(JAVA_BYTE, size - 1));
                assertEquals(1, last.segment().get(JAVA_BYTE, SIZE - 1));
                last.segment().set(JAVA_BYTE, 0, (byte) 2);
                assertEquals(2, vendor.get(JAVA_BYTE, size - SIZE));
                assertTrue(file.stat().blocks() * 512 < 1 << 30, "a few pages");
                context().clearRegionMemory(BAR);
                assertEquals(0, file.stat().blocks());
            }
        }
        platform.close();
    }

    /** The open that exceeds the limit fails; released memory is available to the next. */
    @Test
    void allRegionsTogetherAreBounded() throws Exception {
        platform.vfio.configure(Map.of("maxRegionMemory", 64));
        long gib = 1L << 30;
        TestVendor second = new TestVendor();
        Mdev other = platform.add(1, second);
        for (int time = 0; time < 3; time++) {
            try (OpenedDevice _ = platform.open(mdev);
                    OpenedDevice _ = platform.open(other)) {
                context().regionMemory(BAR, 63 * gib);
                VfioContext also = second.context;
                if (also == null) {
                    throw new AssertionError("not open");
                }
                assertErrno(Errno.ENOMEM, () -> also.regionMemory(BAR, gib + 1));
                assertErrno(Errno.ENOMEM, () -> also.regionMemory(BAR, Long.MAX_VALUE));
                assertEquals(gib, also.regionMemory(BAR, gib).byteSize());
                assertErrno(Errno.ENOMEM, () -> context().regionMemory(BAR + 1, 1));
            }
        }
        platform.close();
    }

    @Test
    void rejectsInvalidRegionsAndSizes() throws Exception {
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
