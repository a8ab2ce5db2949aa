package vfio.mdev.table;

import static mdev.api.vfio.VfioContainer.TYPE1V2_IOMMU;
import static mdev.api.vfio.VfioContainer.TYPE1_IOMMU;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static vfio.mdev.table.Rig.IOVA;
import static vfio.mdev.table.Rig.PAGE;
import static vfio.mdev.table.Rig.RW;

import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import mdev.api.vfio.DirtyBitmap;
import mdev.api.vfio.DirtyPages;
import mdev.api.vfio.DmaLoggingReport;
import mdev.api.vfio.MapDma;
import mdev.api.vfio.UnmapDma;
import mdev.api.vfio.UserMemory;
import mdev.linux.Fd;

/** A user's calls on a container with type1. */
final class DmaCases {
    private static final long LAST_PAGE = -PAGE;
    private static final DirtyBitmap READ_ONLY =
            new DirtyBitmap(PAGE, MemorySegment.ofArray(new long[1]).asReadOnly());
    private static final DirtyBitmap TOO_SMALL = new DirtyBitmap(PAGE, MemorySegment.ofArray(new byte[7]));
    private static final DirtyBitmap OTHER_PAGES = new DirtyBitmap(2 * PAGE, MemorySegment.ofArray(new long[1]));

    private DmaCases() {}

    static void addTo(Cases cases) {
        map(cases);
        unmap(cases);
        dirtyPages(cases);
    }

    /** A case on a version 2 container without mappings. */
    private static Cases.Case v2(Cases.Case then) {
        return rig -> {
            rig.withIommu(TYPE1V2_IOMMU);
            then.run(rig);
        };
    }

    /** A case with a mapping of 16 pages. */
    private static Cases.Case mapped(int type, Cases.Case then) {
        return rig -> {
            rig.withIommu(type);
            rig.mapNothing(RW, 0, IOVA, 16 * PAGE);
            then.run(rig);
        };
    }

    private static Cases.Case mapped(Cases.Case then) {
        return mapped(TYPE1V2_IOMMU, then);
    }

    private static void map(Cases cases) {
        cases.of("VFIO_IOMMU_MAP_DMA")
                .add("read and write", v2(rig -> rig.map(IOVA, PAGE)))
                .add("the same again", mapped(rig -> rig.mapNothing(RW, 0, IOVA, 16 * PAGE)))
                .add("overlap", mapped(rig -> rig.map(IOVA + 15 * PAGE, 2 * PAGE)))
                .add("enclosing", mapped(rig -> rig.map(IOVA - PAGE, 18 * PAGE)))
                .add("iova unaligned", v2(rig -> rig.mapNothing(RW, 0, IOVA + 0x800, PAGE)))
                .add("size unaligned", v2(rig -> rig.mapNothing(RW, 0, IOVA, 0x800)))
                .add("vaddr unaligned", v2(rig -> rig.mapNothing(RW, 0x800, IOVA, PAGE)))
                .add("size zero", v2(rig -> rig.mapNothing(RW, 0, IOVA, 0)))
                .add("neither read nor write", v2(rig -> rig.mapNothing(0, 0, IOVA, PAGE)))
                .add("unknown flag", v2(rig -> rig.mapNothing(7, 0, IOVA, PAGE)))
                .add("iova wraps", v2(rig -> rig.mapNothing(RW, 0, LAST_PAGE, 2 * PAGE)))
                .add("last page", v2(rig -> rig.mapNothing(RW, 0, LAST_PAGE, PAGE)))
                .add("vaddr wraps", v2(rig -> rig.mapNothing(RW, LAST_PAGE, IOVA, 2 * PAGE)))
                .add("no memory there", v2(rig -> rig.mapNothing(RW, PAGE, IOVA, PAGE)))
                .add("1 TiB", v2(rig -> rig.mapNothing(RW, 0, 1L << 40, 1L << 40)))
                .add("mapping 65,536", v2(rig -> {
                    for (long page = 0; page < 65_536; page++) {
                        rig.mapNothing(RW, 0, page * PAGE, PAGE);
                    }
                }))
                .add("a file that is shorter", v2(rig -> rig.ask(new MapDma(RW, Rig.memfd(PAGE), IOVA, 2 * PAGE))))
                .add(
                        "a descriptor that is not a file",
                        v2(rig -> rig.ask(new MapDma(RW, open("/dev/zero", Fd.O_RDWR), IOVA, PAGE))))
                .add(
                        "a closed descriptor",
                        v2(rig -> rig.ask(new MapDma(RW, new UserMemory.File(1 << 20, 0), IOVA, PAGE))))
                .add(
                        "for writing, open for reading",
                        v2(rig -> rig.ask(new MapDma(RW, open("/proc/self/exe", Fd.O_RDONLY), IOVA, PAGE))));
    }

    private static UserMemory open(String path, int flags) throws Exception {
        return new UserMemory.File(Fd.open(Path.of(path), flags).release(), 0);
    }

    private static void unmap(Cases cases) {
        cases.of("VFIO_IOMMU_UNMAP_DMA")
                .add("exact", mapped(rig -> rig.unmap(IOVA, 16 * PAGE, 16 * PAGE)))
                .add("several", mapped(rig -> {
                    rig.map(IOVA + 16 * PAGE, PAGE);
                    rig.unmap(IOVA - PAGE, 32 * PAGE, 17 * PAGE);
                }))
                .add("nothing there", mapped(rig -> rig.unmap(IOVA + 16 * PAGE, PAGE, 0)))
                .add("last page", v2(rig -> {
                    rig.mapNothing(RW, 0, LAST_PAGE, PAGE);
                    rig.unmap(LAST_PAGE, PAGE, PAGE);
                }))
                .add(
                        "version 1, the first page of a mapping",
                        mapped(TYPE1_IOMMU, rig -> rig.unmap(IOVA, PAGE, 16 * PAGE)))
                .add("version 1, the middle of a mapping", mapped(TYPE1_IOMMU, rig -> rig.unmap(IOVA + PAGE, PAGE, 0)))
                .add("version 2, the first page of a mapping", mapped(rig -> rig.unmap(IOVA, PAGE, 0)))
                .add("version 2, the middle of a mapping", mapped(rig -> rig.unmap(IOVA + PAGE, PAGE, 0)))
                .add("version 2, the end of a mapping and all of the next", mapped(rig -> {
                    rig.map(IOVA + 16 * PAGE, PAGE);
                    rig.unmap(IOVA + 15 * PAGE, 2 * PAGE, 0);
                }))
                .add("unknown flag", mapped(rig -> rig.ask(new UnmapDma(16, IOVA, PAGE, null))))
                .add("size zero", mapped(rig -> rig.unmap(IOVA, 0, 0)))
                .add("iova unaligned", mapped(rig -> rig.unmap(IOVA + 0x800, PAGE, 0)))
                .add("size unaligned", mapped(rig -> rig.unmap(IOVA, 0x800, 0)))
                .add("wraps", mapped(rig -> rig.unmap(LAST_PAGE, 2 * PAGE, 0)))
                .add("all", mapped(rig -> {
                    rig.mapNothing(RW, 0, LAST_PAGE, PAGE);
                    assertEquals(new UnmapDma.Reply(17 * PAGE), rig.ask(UnmapDma.all()));
                }))
                .add("all, with an address", mapped(rig -> rig.ask(new UnmapDma(UnmapDma.ALL, IOVA, PAGE, null))))
                .add(
                        "all, with a bitmap",
                        mapped(rig ->
                                rig.ask(new UnmapDma(UnmapDma.ALL | UnmapDma.GET_DIRTY_BITMAP, 0, 0, Rig.bitmap()))))
                .add("with a bitmap", tracked(rig -> rig.ask(report(Rig.bitmap()))))
                .add("with a bitmap, tracking off", mapped(rig -> rig.ask(report(Rig.bitmap()))))
                .add("with a bitmap that is too small", tracked(rig -> rig.ask(report(TOO_SMALL))))
                .add("with a bitmap of other pages", tracked(rig -> rig.ask(report(OTHER_PAGES))))
                .add("with a bitmap that cannot be written", tracked(rig -> rig.ask(report(READ_ONLY))));
    }

    private static UnmapDma report(DirtyBitmap bitmap) {
        return new UnmapDma(UnmapDma.GET_DIRTY_BITMAP, IOVA, 16 * PAGE, bitmap);
    }

    private static Cases.Case tracked(Cases.Case then) {
        return mapped(rig -> {
            rig.ask(DirtyPages.start());
            then.run(rig);
        });
    }

    private static void dirtyPages(Cases cases) {
        cases.of("VFIO_IOMMU_DIRTY_PAGES")
                .add("start", mapped(rig -> rig.ask(DirtyPages.start())))
                .add("start again", tracked(rig -> rig.ask(DirtyPages.start())))
                .add("stop before start", v2(rig -> rig.ask(DirtyPages.stop())))
                .add("version 1", mapped(TYPE1_IOMMU, rig -> rig.ask(DirtyPages.start())))
                .add("no flag", v2(rig -> rig.ask(new DirtyPages(0, 0, 0, null))))
                .add("start and stop", v2(rig -> rig.ask(new DirtyPages(3, 0, 0, null))))
                .add("unknown flag", v2(rig -> rig.ask(new DirtyPages(8, 0, 0, null))))
                .add("start with a mapping of more than 2^31 - 1 pages", v2(rig -> {
                    rig.mapNothing(RW, 0, 0, 1L << 43);
                    rig.ask(DirtyPages.start());
                }))
                .add("get", tracked(rig -> rig.ask(DirtyPages.get(IOVA, 16 * PAGE, Rig.bitmap()))))
                .add("get before start", mapped(rig -> rig.ask(DirtyPages.get(IOVA, 16 * PAGE, Rig.bitmap()))))
                .add(
                        "get a part of a mapping",
                        tracked(rig -> rig.ask(DirtyPages.get(IOVA + PAGE, PAGE, Rig.bitmap()))))
                .add("get more than a mapping", tracked(rig -> rig.ask(DirtyPages.get(IOVA, 32 * PAGE, Rig.bitmap()))))
                .add("get pages of 8 KiB", tracked(rig -> rig.ask(DirtyPages.get(IOVA, 16 * PAGE, OTHER_PAGES))))
                .add(
                        "get into a bitmap that is too small",
                        tracked(rig -> rig.ask(DirtyPages.get(IOVA, 16 * PAGE, TOO_SMALL))))
                .add("get, iova unaligned", tracked(rig -> rig.ask(DirtyPages.get(IOVA + 1, 16 * PAGE, Rig.bitmap()))))
                .add("get, size zero", tracked(rig -> rig.ask(DirtyPages.get(IOVA, 0, Rig.bitmap()))))
                .add("get an unmapped range", tracked(rig -> rig.ask(DirtyPages.get(2 * IOVA, PAGE, Rig.bitmap()))))
                .add(
                        "get without a bitmap",
                        tracked(rig -> rig.ask(new DirtyPages(DirtyPages.GET_BITMAP, IOVA, 16 * PAGE, null))))
                .add(
                        "get into a bitmap that cannot be written",
                        tracked(rig -> rig.ask(DirtyPages.get(IOVA, 16 * PAGE, READ_ONLY))));
        cases.of("VFIO_DEVICE_FEATURE_DMA_LOGGING_REPORT")
                .add("a mapping", tracked(rig -> rig.ask(new DmaLoggingReport(IOVA, 16 * PAGE, Rig.bitmap()))))
                .add("a part of a mapping", tracked(rig -> rig.ask(new DmaLoggingReport(IOVA, PAGE, Rig.bitmap()))))
                .add(
                        "a mapping and a hole",
                        tracked(rig -> rig.ask(new DmaLoggingReport(IOVA - PAGE, 17 * PAGE, Rig.bitmap()))))
                .add("before start", mapped(rig -> rig.ask(new DmaLoggingReport(IOVA, PAGE, Rig.bitmap()))))
                .add("length zero", tracked(rig -> rig.ask(new DmaLoggingReport(IOVA, 0, Rig.bitmap()))))
                .add("wraps", tracked(rig -> rig.ask(new DmaLoggingReport(-PAGE, 2 * PAGE, Rig.bitmap()))));
    }
}
