package vfio.mdev.iommu;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static vfio.mdev.iommu.Users.assertErrno;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.DmaAttachment;
import mdev.api.vfio.DmaRange;
import mdev.api.vfio.MapDma;
import mdev.api.vfio.PinnedPage;
import mdev.api.vfio.UnmapDma;
import mdev.api.vfio.UserMemory;
import mdev.linux.Fd;
import mdev.linux.LinuxException;
import mdev.linux.MemFd;
import mdev.linux.Seal;
import mdev.sync.BoundedCalls;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import vfio.mdev.iommu.memory.UserMemories;

/** The four kinds of user memory, with real files. */
class MemoryKindsTest {
    private static final int PAGE = 4096;
    private static final long IOVA = 0x10_0000;

    private final UserMemories memories = new UserMemories();
    private final Type1Iommu iommu = new Type1Iommu("type1v2", true, memories, new BoundedCalls("notifier"));
    private final DmaAttachment vendor = iommu.attachDevice("vendor");

    @AfterEach
    void nothingIsLeft() {
        iommu.release();
        assertEquals(0, memories.openFiles());
        assertEquals(0, memories.numbers().size());
    }

    /** (a): mapped, so its pages can be pinned; the peer's own view of the file is the same memory. */
    @Test
    void sealedMemfd() throws Exception {
        try (Fd peer = MemFd.create("sealed", 16 * PAGE, Seal.SHRINK, Seal.GROW, Seal.SEAL)) {
            map(Users.file(peer, 4 * PAGE), 8 * PAGE);
            transfer(peer, 4 * PAGE, 8 * PAGE);
            holdPages(peer, 4 * PAGE);
        }
    }

    /** (a) too: the framework seals a sealable file, so that the peer can no longer truncate it. */
    @Test
    void sealableMemfd() throws Exception {
        try (Fd peer = MemFd.create("sealable", 16 * PAGE)) {
            map(Users.file(peer, 0), 16 * PAGE);
            assertEquals(
                    Errno.EPERM.number(),
                    assertThrows(LinuxException.class, () -> peer.truncate(0)).errno());
            transfer(peer, 0, 16 * PAGE);
            holdPages(peer, 0);
        }
    }

    /** (b): accessed by system calls only. */
    @Test
    void unsealableMemfd() throws Exception {
        try (Fd peer = MemFd.create("unsealable", 16 * PAGE, Seal.SEAL)) {
            map(Users.file(peer, 4 * PAGE), 8 * PAGE);
            transfer(peer, 4 * PAGE, 8 * PAGE);
            cannotHoldPages();
        }
    }

    /** (b): a truncation by the peer results in EFAULT, not SIGBUS. */
    @Test
    void truncatedFile(@TempDir Path directory) throws Exception {
        Path path = Files.write(directory.resolve("memory"), new byte[4 * PAGE]);
        try (Fd peer = Fd.open(path, Fd.O_RDWR)) {
            map(Users.file(peer, 0), 4 * PAGE);
            transfer(peer, 0, 4 * PAGE);
            cannotHoldPages();
            peer.truncate(PAGE);
            MemorySegment data = MemorySegment.ofArray(new byte[PAGE]);
            vendor.dmaRead(IOVA, data, 0, PAGE);
            assertErrno(Errno.EFAULT, () -> vendor.dmaRead(IOVA + PAGE, data, 0, PAGE));
        }
    }

    /** (c). */
    @Test
    void memoryOfThisProcess() throws Exception {
        try (Arena arena = Arena.ofShared()) {
            MemorySegment memory = arena.allocate(4 * PAGE, PAGE);
            map(new UserMemory.Local(memory), 4 * PAGE);
            byte[] bytes = random(3000);
            vendor.dmaWrite(IOVA + 1000, MemorySegment.ofArray(bytes), 0, 3000);
            assertArrayEquals(bytes, memory.asSlice(1000, 3000).toArray(JAVA_BYTE));
            vendor.registerNotifier(Users.ignoresUnmap());
            PinnedPage page = vendor.pinPages(new long[] {IOVA / PAGE}, 3).getFirst();
            page.page().set(JAVA_LONG_UNALIGNED, 8, 42);
            assertEquals(42, memory.get(JAVA_LONG_UNALIGNED, 8));
        }
    }

    /** (c), and the user breaks the rule: the result is the kernel's EFAULT, never an access to freed memory. */
    @Test
    void freedMemoryOfThisProcess() throws Exception {
        try (Arena arena = Arena.ofShared()) {
            map(new UserMemory.Local(arena.allocate(PAGE, PAGE)), PAGE);
        }
        MemorySegment data = MemorySegment.ofArray(new byte[1]);
        assertErrno(Errno.EFAULT, () -> vendor.dmaRead(IOVA, data, 0, 1));
        assertErrno(Errno.EFAULT, () -> vendor.dmaWrite(IOVA, data, 0, 1));
    }

    /** (d): the user's callback receives the addresses that the user passed. */
    @Test
    void remoteMemory() throws Exception {
        MemorySegment process = MemorySegment.ofArray(new byte[16 * PAGE]);
        map(new UserMemory.Remote(4 * PAGE, Users.process(process)), 8 * PAGE);
        byte[] bytes = random(5000);
        vendor.dmaWrite(IOVA + 3000, MemorySegment.ofArray(bytes), 0, 5000);
        assertArrayEquals(bytes, process.asSlice(4 * PAGE + 3000, 5000).toArray(JAVA_BYTE));
        byte[] back = new byte[5000];
        vendor.dmaRead(IOVA + 3000, MemorySegment.ofArray(back), 0, 5000);
        assertArrayEquals(bytes, back);
        cannotHoldPages();
    }

    /** (d): the user's errno is passed to the vendor unchanged. */
    @Test
    void failingRemoteMemory() throws Exception {
        map(Users.vaddr(0), PAGE);
        assertErrno(Errno.EFAULT, () -> vendor.dmaRead(IOVA, MemorySegment.ofArray(new byte[1]), 0, 1));
    }

    /**
     * More than an int can count, in one mapping, one range and one sparse file.
     */
    @Test
    void moreThanTwoGiB() throws Exception {
        long size = 5L << 30;
        for (Seal[] seals : List.of(new Seal[] {Seal.SHRINK}, new Seal[] {Seal.SEAL})) {
            try (Fd peer = MemFd.create("huge", size, seals)) {
                map(Users.file(peer, 0), size);
                byte[] bytes = random(100);
                vendor.dmaWrite(IOVA + size - 100, MemorySegment.ofArray(bytes), 0, 100);
                byte[] back = new byte[100];
                vendor.dmaRead(IOVA + size - 100, MemorySegment.ofArray(back), 0, 100);
                assertArrayEquals(bytes, back);
                assertArrayEquals(bytes, Users.read(peer, size - 100, 100));
                if (seals[0] == Seal.SHRINK) {
                    vendor.registerNotifier(Users.ignoresUnmap());
                    DmaRange range = vendor.mapRange(IOVA, size, 3);
                    assertEquals(size, range.segments().getFirst().byteSize());
                    assertEquals(bytes[99], range.segments().getFirst().get(JAVA_BYTE, size - 1));
                }
                iommu.ioctl(UnmapDma.all());
            }
        }
    }

    /**
     * A file is mapped once, independent of the number of DMA mappings: Linux allows a process 65,530 mappings in all.
     */
    @Test
    void allMappingsOfOneFile() throws Exception {
        int count = Type1Iommu.MAX_MAPPINGS;
        try (Fd peer = MemFd.create("pieces", (long) count * PAGE, Seal.SHRINK)) {
            for (long i = 0; i < count; i++) {
                map(Users.file(peer, (count - 1 - i) * PAGE), IOVA + i * PAGE, PAGE);
            }
            assertEquals(1, memories.openFiles());
            assertErrno(Errno.ENOSPC, () -> map(Users.file(peer, 0), 0, PAGE));
            byte[] bytes = random(2 * PAGE);
            vendor.dmaWrite(IOVA + 7 * PAGE, MemorySegment.ofArray(bytes), 0, bytes.length);
            byte[] last = new byte[PAGE];
            System.arraycopy(bytes, 0, last, 0, PAGE);
            assertArrayEquals(last, Users.read(peer, (count - 8L) * PAGE, PAGE));
            long begin = System.nanoTime();
            assertEquals((long) count * PAGE, ((UnmapDma.Reply) iommu.ioctl(UnmapDma.all())).size());
            System.out.println("unmap-all of " + count + " mappings: " + (System.nanoTime() - begin) / 1000 + " us");
        }
    }

    /** Page numbers are equal for equal pages, wherever they are mapped, and reveal no address. */
    @Test
    void pageNumbersFollowThePages() throws Exception {
        try (Fd peer = MemFd.create("numbers", 4 * PAGE, Seal.SHRINK)) {
            map(Users.file(peer, 0), IOVA, 4 * PAGE);
            map(Users.file(peer, PAGE), 4 * IOVA, PAGE);
            vendor.registerNotifier(Users.ignoresUnmap());
            Type1Iommu other = new Type1Iommu("type1v2", true, memories, new BoundedCalls("notifier"));
            other.ioctl(new MapDma(MapDma.READ, Users.file(peer, 0), 0, 4 * PAGE));
            DmaAttachment neighbour = other.attachDevice("neighbour");
            neighbour.registerNotifier(Users.ignoresUnmap());

            List<PinnedPage> pages = vendor.pinPages(new long[] {IOVA / PAGE, IOVA / PAGE + 1, 4 * IOVA / PAGE}, 1);
            long theirs = neighbour.pinPages(new long[] {1}, 1).getFirst().number();
            assertEquals(pages.get(1).number(), pages.get(2).number());
            assertEquals(pages.get(1).number(), theirs);
            assertNotEquals(pages.get(0).number(), pages.get(1).number());
            other.release();
        }
    }

    /** Every rejected request closes its descriptor. */
    @Test
    void refusedMappingsCloseTheirDescriptors(@TempDir Path directory) throws Exception {
        Path path = Files.write(directory.resolve("memory"), new byte[4 * PAGE]);
        try (Fd memfd = MemFd.create("small", 4 * PAGE, Seal.SHRINK);
                Fd readOnly = Fd.open(path, Fd.O_RDONLY);
                Fd notAFile = Fd.open(Path.of("/dev/zero"), Fd.O_RDWR)) {
            long before = descriptors();
            map(Users.file(memfd, 0), PAGE);
            assertErrno(Errno.EEXIST, () -> map(Users.file(memfd, 0), PAGE));
            assertErrno(Errno.EINVAL, () -> map(Users.file(memfd, 1), 0, PAGE));
            assertErrno(Errno.EINVAL, () -> map(Users.file(memfd, PAGE), 0, 4 * PAGE));
            assertErrno(Errno.EACCES, () -> map(Users.file(readOnly, 0), 0, PAGE));
            assertErrno(Errno.EINVAL, () -> map(Users.file(notAFile, 0), 0, PAGE));
            assertErrno(Errno.EBADF, () -> map(new UserMemory.File(1 << 20, 0), 0, PAGE));
            iommu.ioctl(UnmapDma.all());
            assertEquals(before, descriptors());
            iommu.ioctl(new MapDma(MapDma.READ, Users.file(readOnly, 0), 0, PAGE));
            assertErrno(Errno.EPERM, () -> vendor.dmaWrite(0, MemorySegment.ofArray(new byte[1]), 0, 1));
        }
    }

    /** A read-only descriptor gives no access to another user's writable mapping. */
    @Test
    void readOnlyMappingDoesNotWriteThroughAnother() throws Exception {
        try (Fd memfd = MemFd.create("shared", PAGE, Seal.SHRINK)) {
            map(Users.file(memfd, 0), PAGE);
            try (Fd readOnly = Fd.open(Path.of("/proc/self/fd/" + memfd.number()), Fd.O_RDONLY)) {
                assertErrno(Errno.EACCES, () -> map(Users.file(readOnly, 0), 0, PAGE));
            }
        }
    }

    private void map(UserMemory memory, long size) throws ErrnoException {
        map(memory, IOVA, size);
    }

    private void map(UserMemory memory, long iova, long size) throws ErrnoException {
        iommu.ioctl(new MapDma(MapDma.READ | MapDma.WRITE, memory, iova, size));
    }

    /** Both ways, from and to Java's heap and native memory, at unaligned offsets. */
    private void transfer(Fd peer, long fileOffset, int size) throws Exception {
        byte[] bytes = random(size - 77);
        vendor.dmaWrite(IOVA + 33, MemorySegment.ofArray(bytes), 0, bytes.length);
        assertArrayEquals(bytes, Users.read(peer, fileOffset + 33, bytes.length));
        byte[] heap = new byte[bytes.length];
        vendor.dmaRead(IOVA + 33, MemorySegment.ofArray(heap), 0, heap.length);
        assertArrayEquals(bytes, heap);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment nativeData = arena.allocate(size);
            vendor.dmaRead(IOVA + 33, nativeData, 5, bytes.length);
            assertArrayEquals(bytes, nativeData.asSlice(5, bytes.length).toArray(JAVA_BYTE));
            nativeData.set(JAVA_BYTE, 5, (byte) ~bytes[0]);
            vendor.dmaWrite(IOVA + 33, nativeData, 5, 1);
            assertEquals((byte) ~bytes[0], Users.read(peer, fileOffset + 33, 1)[0]);
        }
    }

    private void holdPages(Fd peer, long fileOffset) throws Exception {
        vendor.registerNotifier(Users.ignoresUnmap());
        MemorySegment page =
                vendor.pinPages(new long[] {IOVA / PAGE + 1}, 3).getFirst().page();
        page.set(JAVA_LONG_UNALIGNED, 0, 0x1122334455667788L);
        assertEquals((byte) 0x88, Users.read(peer, fileOffset + PAGE, 1)[0]);
        DmaRange range = vendor.mapRange(IOVA + 10, PAGE, 1);
        assertEquals((byte) 0x88, range.segments().getFirst().get(JAVA_BYTE, PAGE - 10));
        iommu.ioctl(UnmapDma.all());
        assertThrows(IllegalStateException.class, () -> page.get(JAVA_BYTE, 0));
        assertThrows(
                IllegalStateException.class, () -> range.segments().getFirst().get(JAVA_BYTE, 0));
        assertErrno(Errno.EINVAL, () -> vendor.dmaRead(IOVA, MemorySegment.ofArray(new byte[1]), 0, 1));
    }

    private void cannotHoldPages() throws ErrnoException {
        vendor.registerNotifier(Users.ignoresUnmap());
        assertErrno(Errno.EFAULT, () -> vendor.pinPages(new long[] {IOVA / PAGE}, 1));
        assertErrno(Errno.EFAULT, () -> vendor.mapRange(IOVA, 1, 1));
        assertFalse(iommu.state().orElseThrow().pinnedPages() > 0);
    }

    private static byte[] random(int length) {
        byte[] bytes = new byte[length];
        new Random(length).nextBytes(bytes);
        return bytes;
    }

    private static long descriptors() throws IOException {
        try (Stream<Path> open = Files.list(Path.of("/proc/self/fd"))) {
            return open.count();
        }
    }
}
