package vfio.mdev.iommu;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static vfio.mdev.iommu.Users.assertErrno;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.DirtyPages;
import mdev.api.vfio.DmaAttachment;
import mdev.api.vfio.IoctlReply;
import mdev.api.vfio.IoctlRequest;
import mdev.api.vfio.Iommu;
import mdev.api.vfio.IommuDisable;
import mdev.api.vfio.IommuEnable;
import mdev.api.vfio.IommuGetInfo;
import mdev.api.vfio.MapDma;
import mdev.api.vfio.SpaprRegisterMemory;
import mdev.api.vfio.SpaprTceCreate;
import mdev.api.vfio.SpaprTceGetInfo;
import mdev.api.vfio.SpaprTceInfo;
import mdev.api.vfio.SpaprTceRemove;
import mdev.api.vfio.SpaprUnregisterMemory;
import mdev.api.vfio.UnmapDma;
import mdev.api.vfio.UserMemory;
import mdev.api.vfio.VfioContainer;
import mdev.api.vfio.VfioNotifier;
import mdev.linux.Fd;
import mdev.linux.LinuxException;
import mdev.linux.MemFd;
import mdev.linux.Seal;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import vfio.mdev.iommu.memory.UserMemories;

/**
 * The answers of {@code drivers/vfio/vfio_iommu_spapr_tce.c}: there is no transcript, so the tables follow its source,
 * function by function.
 */
class SpaprTest {
    private static final int PAGE = 4096;
    private static final long GIB = 1L << 30;
    private static final long SECOND = 1L << 59;
    private static final int RW = MapDma.READ | MapDma.WRITE;

    private final UserMemories memories = new UserMemories();
    private final SpaprDriver driver = new SpaprDriver(memories);
    private final List<Iommu> opened = new ArrayList<>();

    @AfterEach
    void nothingIsLeft() {
        opened.forEach(Iommu::release);
        assertEquals(0, memories.openFiles());
        assertEquals(0, memories.numbers().size());
    }

    private Iommu v1() throws ErrnoException {
        return open(VfioContainer.SPAPR_TCE_IOMMU);
    }

    private Iommu v2() throws ErrnoException {
        return open(VfioContainer.SPAPR_TCE_V2_IOMMU);
    }

    private Iommu open(int type) throws ErrnoException {
        Iommu iommu = driver.open(type);
        opened.add(iommu);
        return iommu;
    }

    private Iommu attached(Iommu iommu) throws ErrnoException {
        iommu.attachGroup(7);
        return iommu;
    }

    @Test
    void extensions() throws ErrnoException {
        for (int extension = 0; extension <= 12; extension++) {
            int expected = extension == 2 || extension == 7 ? 1 : 0;
            assertEquals(expected, driver.checkExtension(extension));
            assertEquals(expected, v1().checkExtension(extension));
        }
        assertErrno(Errno.EINVAL, () -> driver.open(VfioContainer.TYPE1_IOMMU));
    }

    @Test
    void groups() throws ErrnoException {
        Iommu v1 = attached(v1());
        assertErrno(Errno.EBUSY, () -> v1.attachGroup(8));
        Iommu v2 = attached(v2());
        v2.attachGroup(8);
        assertErrno(Errno.EBUSY, () -> v2.attachGroup(8));
        v2.detachGroup(8);
        v2.attachGroup(8);
    }

    @Test
    void windowInformation() throws ErrnoException {
        Iommu v1 = v1();
        assertErrno(Errno.ENXIO, () -> v1.ioctl(new SpaprTceGetInfo()));
        assertEquals(
                new SpaprTceInfo(0, 0, GIB, new SpaprTceInfo.Ddw(0, 0, 0)),
                attached(v1).ioctl(new SpaprTceGetInfo()));
        assertEquals(
                new SpaprTceInfo(SpaprTceInfo.DDW, 0, GIB, new SpaprTceInfo.Ddw(0x1011000, 2, 5)),
                attached(v2()).ioctl(new SpaprTceGetInfo()));
    }

    @Test
    void unknownRequestsOfEachVersion() throws ErrnoException {
        for (IoctlRequest request : List.of(
                new SpaprTceCreate(0, 12, GIB, 1),
                new SpaprTceRemove(0, 0),
                new SpaprRegisterMemory(0, Users.vaddr(0), PAGE),
                new SpaprUnregisterMemory(0, Users.vaddr(0), PAGE),
                new IommuGetInfo(),
                DirtyPages.start())) {
            assertErrno(Errno.ENOTTY, () -> attached(v1()).ioctl(request));
        }
        for (IoctlRequest request :
                List.of(new IommuEnable(), new IommuDisable(), new IommuGetInfo(), DirtyPages.start())) {
            assertErrno(Errno.ENOTTY, () -> attached(v2()).ioctl(request));
        }
    }

    @Test
    void enableAndDisable() throws ErrnoException {
        Iommu iommu = v1();
        assertErrno(Errno.ENODEV, () -> iommu.ioctl(new IommuEnable()));
        iommu.ioctl(new IommuDisable());
        attached(iommu).ioctl(new IommuEnable());
        assertErrno(Errno.EBUSY, () -> iommu.ioctl(new IommuEnable()));
        map(iommu, RW, 0, 0, PAGE);
        iommu.ioctl(new IommuDisable());
        assertErrno(Errno.EPERM, () -> map(iommu, RW, 0, PAGE, PAGE));
        assertErrno(Errno.EPERM, () -> iommu.ioctl(new UnmapDma(0, PAGE)));
        iommu.ioctl(new IommuEnable());
        iommu.ioctl(new UnmapDma(0, PAGE));
    }

    /** tce_iommu_ioctl, VFIO_IOMMU_MAP_DMA, with the default window of 4 KiB pages. */
    @ParameterizedTest
    @CsvSource({
        "3, 0, 0, 0x1000, ",
        "1, 0, 0x1000, 0x2000, ",
        "2, 0, 0x3ffff000, 0x1000, ",
        "4, 0, 0, 0x1000, EINVAL", // unknown flag
        "0, 0, 0, 0x1000, EINVAL", // neither READ nor WRITE
        "3, 0, 0x40000000, 0x1000, ENXIO", // behind the window
        "3, 0, 0x800000000000000, 0x1000, ENXIO", // no second window
        "3, 0, 0xfffffffffffff000, 0x1000, ENXIO",
        "3, 0, 0, 0x800, EINVAL", // size
        "3, 0x800, 0, 0x1000, EINVAL", // vaddr
        "3, 0, 0x800, 0x1000, EINVAL", // iova: the kernel's check answers 1 (a || in iommu_tce_put_param_check), meant
        // is EINVAL
        "3, 0, 0x3ffff000, 0x2000, EINVAL", // the kernel writes beyond the table
        "3, 0xfffffffffffff000, 0, 0x2000, EINVAL", // vaddr wraps
        "3, 0, 0, 0, ", // nothing to do
    })
    void map(String flags, String vaddr, String iova, String size, String errno) throws ErrnoException {
        Iommu v1 = attached(v1());
        v1.ioctl(new IommuEnable());
        Iommu v2 = attached(v2());
        v2.ioctl(new SpaprRegisterMemory(0, Users.vaddr(0), GIB));
        for (Iommu iommu : List.of(v1, v2)) {
            MapDma request =
                    new MapDma(Integer.parseInt(flags), Users.vaddr(number(vaddr)), number(iova), number(size));
            if (errno == null) {
                iommu.ioctl(request);
            } else {
                assertErrno(Errno.valueOf(errno), () -> iommu.ioctl(request));
            }
            assertEquals(
                    errno == null ? number(size) : 0,
                    iommu.state().orElseThrow().mappedBytes());
        }
    }

    /** tce_iommu_ioctl, VFIO_IOMMU_UNMAP_DMA: any pages, mapped or not; {@code size} is returned unchanged. */
    @ParameterizedTest
    @CsvSource({
        "0, 0, 0x4000, , 0",
        "0, 0x1000, 0x2000, , 0x2000", // the middle
        "0, 0, 0x1000, , 0x3000",
        "0, 0x10000, 0x1000, , 0x4000", // nothing there
        "0, 0, 0, , 0x4000",
        "1, 0, 0x1000, EINVAL, 0x4000",
        "2, 0, 0, EINVAL, 0x4000",
        "0, 0x40000000, 0x1000, ENXIO, 0x4000",
        "0, 0, 0x800, EINVAL, 0x4000",
        "0, 0x800, 0x1000, EINVAL, 0x4000",
        "0, 0x3ffff000, 0x2000, EINVAL, 0x4000",
    })
    void unmap(String flags, String iova, String size, String errno, String left) throws ErrnoException {
        Iommu iommu = attached(v1());
        assertErrno(Errno.EPERM, () -> iommu.ioctl(new UnmapDma(0, PAGE)));
        iommu.ioctl(new IommuEnable());
        map(iommu, RW, 0, 0, 0x4000);
        UnmapDma request = new UnmapDma(Integer.parseInt(flags), number(iova), number(size), null);
        if (errno == null) {
            assertEquals(new UnmapDma.Reply(number(size)), iommu.ioctl(request));
        } else {
            assertErrno(Errno.valueOf(errno), () -> iommu.ioctl(request));
        }
        assertEquals(number(left), iommu.state().orElseThrow().mappedBytes());
    }

    /**
     * tce_iommu_create_window and pnv_pci_ioda2_table_alloc_pages. The default window already exists, so this is the
     * second.
     */
    @ParameterizedTest
    @CsvSource({
        "0, 12, 0x40000000, 1, ",
        "0, 16, 0x10000000000, 2, ",
        "0, 24, 0x8000000000, 1, ",
        "1, 12, 0x40000000, 1, EINVAL", // flags
        "0, 13, 0x40000000, 1, EINVAL", // pages of 8 KiB
        "0, 21, 0x40000000, 1, EINVAL",
        "0, 64, 0x40000000, 1, EINVAL",
        "0, -1, 0x40000000, 1, EINVAL",
        "0, 12, 0x40000000, 0, EINVAL",
        "0, 12, 0x40000000, 6, EINVAL",
        "0, 12, 0x40001000, 1, EINVAL", // no power of two
        "0, 12, 0, 1, EINVAL",
        "0, 16, 0x1000, 1, EINVAL", // smaller than a page
        "0, 12, 0x1000000000000000, 1, EINVAL", // 2^60
        "0, 24, 0x40000000, 5, EINVAL", // (12 - 3) * 5 + 24 >= 60
    })
    void createWindow(int flags, int pageShift, String size, int levels, String errno) throws ErrnoException {
        Iommu iommu = v2();
        SpaprTceCreate request = new SpaprTceCreate(flags, pageShift, number(size), levels);
        assertErrno(Errno.ENXIO, () -> iommu.ioctl(request));
        attached(iommu);
        if (errno == null) {
            assertEquals(new SpaprTceCreate.Reply(SECOND), iommu.ioctl(request));
            assertErrno(Errno.ENOSPC, () -> iommu.ioctl(new SpaprTceCreate(0, 12, GIB, 1)));
        } else {
            assertErrno(Errno.valueOf(errno), () -> iommu.ioctl(request));
            assertEquals(new SpaprTceCreate.Reply(SECOND), iommu.ioctl(new SpaprTceCreate(0, 12, GIB, 1)));
        }
    }

    @Test
    void removeWindows() throws ErrnoException {
        Iommu iommu = v2();
        assertErrno(Errno.ENXIO, () -> iommu.ioctl(new SpaprTceRemove(0, 0)));
        attached(iommu);
        assertErrno(Errno.EINVAL, () -> iommu.ioctl(new SpaprTceRemove(1, 0)));
        // The default window does not exist yet and need not be created: then the first created window begins at 0.
        iommu.ioctl(new SpaprTceRemove(0, 0));
        assertErrno(Errno.EINVAL, () -> iommu.ioctl(new SpaprTceRemove(0, 0)));
        assertEquals(new SpaprTceCreate.Reply(0), iommu.ioctl(new SpaprTceCreate(0, 16, 4 * GIB, 1)));
        assertEquals(new SpaprTceCreate.Reply(SECOND), iommu.ioctl(new SpaprTceCreate(0, 24, GIB, 1)));

        iommu.ioctl(new SpaprRegisterMemory(0, Users.vaddr(0), GIB));
        map(iommu, RW, 0, SECOND, 1 << 24);
        map(iommu, RW, 0, 0, 1 << 16);
        assertErrno(Errno.EINVAL, () -> map(iommu, RW, 0, 0, PAGE)); // 64 KiB pages
        assertErrno(Errno.EINVAL, () -> map(iommu, RW, 1 << 16, SECOND, 1 << 24));
        iommu.ioctl(new SpaprTceRemove(0, SECOND + 5));
        assertEquals(1 << 16, iommu.state().orElseThrow().mappedBytes());
        assertErrno(Errno.ENXIO, () -> map(iommu, RW, 0, SECOND, 1 << 24));
        assertEquals(new SpaprTceCreate.Reply(SECOND), iommu.ioctl(new SpaprTceCreate(0, 12, GIB, 1)));
    }

    /**
     * Memory is registered as a whole, and only registered memory can be mapped, also across the borders of regions.
     */
    @Test
    void registration() throws Exception {
        Iommu iommu = attached(v2());
        try (Fd memfd = MemFd.create("guest", 64 * PAGE, Seal.SHRINK)) {
            assertErrno(Errno.EPERM, () -> iommu.ioctl(unregister(memfd, 0, 16)));
            assertErrno(Errno.EPERM, () -> map(iommu, memfd, 0, 0, 1));
            assertErrno(Errno.EINVAL, () -> iommu.ioctl(new SpaprRegisterMemory(1, Users.file(memfd, 0), PAGE)));
            assertErrno(Errno.EINVAL, () -> iommu.ioctl(new SpaprRegisterMemory(0, Users.file(memfd, 1), PAGE)));
            assertErrno(Errno.EINVAL, () -> iommu.ioctl(new SpaprRegisterMemory(0, Users.file(memfd, 0), 100)));
            assertErrno(Errno.EINVAL, () -> iommu.ioctl(register(memfd, 60, 8)));
            assertErrno(Errno.ENOENT, () -> iommu.ioctl(unregister(memfd, 0, 16)));
            iommu.ioctl(register(memfd, 0, 16));
            iommu.ioctl(register(memfd, 16, 16));
            assertErrno(Errno.EBUSY, () -> iommu.ioctl(register(memfd, 0, 16)));
            assertErrno(Errno.EINVAL, () -> iommu.ioctl(register(memfd, 8, 16)));
            assertErrno(Errno.ENOENT, () -> iommu.ioctl(unregister(memfd, 0, 8)));
            assertErrno(Errno.EINVAL, () -> map(iommu, memfd, 31, 0, 2));
            assertEquals(0, iommu.state().orElseThrow().mappings());

            map(iommu, memfd, 8, 0, 16);
            DmaAttachment vendor = iommu.attachDevice("vendor");
            byte[] bytes = "over the border of two registrations".getBytes(US_ASCII);
            vendor.dmaWrite(8 * PAGE - 10, MemorySegment.ofArray(bytes), 0, bytes.length);
            assertArrayEquals(bytes, Users.read(memfd, 16 * PAGE - 10, bytes.length));

            assertErrno(Errno.EBUSY, () -> iommu.ioctl(unregister(memfd, 0, 16)));
            iommu.ioctl(new UnmapDma(0, 8 * PAGE));
            iommu.ioctl(unregister(memfd, 0, 16));
            assertErrno(Errno.EBUSY, () -> iommu.ioctl(unregister(memfd, 16, 16)));
            // 64 KiB pages are inside one region each, or not mapped.
            iommu.ioctl(new SpaprTceCreate(0, 16, GIB, 1));
            map(iommu, memfd, 16, SECOND, 16);
            iommu.ioctl(new UnmapDma(8 * PAGE, 8 * PAGE));
            iommu.ioctl(new UnmapDma(SECOND, 16 * PAGE));
            iommu.ioctl(unregister(memfd, 16, 16));
            assertEquals(0, memories.openFiles());
        }
    }

    /**
     * A remapped page has the new memory; the surrounding pages keep theirs, and a vendor's pins of the old mapping are
     * dropped.
     */
    @Test
    void remapping() throws Exception {
        Iommu iommu = attached(v1());
        iommu.ioctl(new IommuEnable());
        try (Fd memfd = MemFd.create("guest", 8 * PAGE, Seal.SHRINK)) {
            for (int page = 0; page < 8; page++) {
                Users.write(memfd, (long) page * PAGE, new byte[] {(byte) page});
            }
            map(iommu, memfd, 0, 0, 4);
            DmaAttachment vendor = iommu.attachDevice("vendor");
            List<String> told = new ArrayList<>();
            vendor.registerNotifier((VfioNotifier.DmaUnmap) (iova, size) -> {
                told.add(iova + "+" + size);
                unpin(vendor);
            });
            MemorySegment page = vendor.pinPages(new long[] {1}, 1).getFirst().page();
            assertEquals(1, page.get(JAVA_BYTE, 0));
            map(iommu, memfd, 6, 2 * PAGE, 1);
            assertEquals(List.of("0+" + 4 * PAGE), told);
            assertThrows(IllegalStateException.class, () -> page.get(JAVA_BYTE, 0));
            byte[] firsts = new byte[4];
            for (int i = 0; i < 4; i++) {
                vendor.dmaRead((long) i * PAGE, MemorySegment.ofArray(firsts), i, 1);
            }
            assertArrayEquals(new byte[] {0, 1, 6, 3}, firsts);
            assertEquals(1, vendor.pinPages(new long[] {1}, 1).getFirst().page().get(JAVA_BYTE, 0));
            iommu.detachGroup(7);
            assertErrno(Errno.EINVAL, () -> vendor.dmaRead(0, MemorySegment.ofArray(firsts), 0, 1));
        }
    }

    private static void unpin(DmaAttachment vendor) {
        try {
            vendor.unpinPages(new long[] {1});
        } catch (ErrnoException e) {
            throw new AssertionError(e);
        }
    }

    private static IoctlReply map(Iommu iommu, int flags, long vaddr, long iova, long size) throws ErrnoException {
        return iommu.ioctl(new MapDma(flags, Users.vaddr(vaddr), iova, size));
    }

    private static void map(Iommu iommu, Fd memfd, int filePage, long iova, int pages)
            throws ErrnoException, LinuxException {
        iommu.ioctl(new MapDma(RW, file(memfd, filePage), iova, (long) pages * PAGE));
    }

    private static UserMemory file(Fd memfd, int page) throws LinuxException {
        return Users.file(memfd, (long) page * PAGE);
    }

    private static SpaprRegisterMemory register(Fd memfd, int page, int pages) throws LinuxException {
        return new SpaprRegisterMemory(0, file(memfd, page), (long) pages * PAGE);
    }

    private static SpaprUnregisterMemory unregister(Fd memfd, int page, int pages) throws LinuxException {
        return new SpaprUnregisterMemory(0, file(memfd, page), (long) pages * PAGE);
    }

    private static long number(String hex) {
        return Long.parseUnsignedLong(hex.startsWith("0x") ? hex.substring(2) : hex, 16);
    }
}
