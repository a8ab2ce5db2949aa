package vfio.mdev.iommu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.DirtyBitmap;
import mdev.api.vfio.DirtyPages;
import mdev.api.vfio.IoctlReply;
import mdev.api.vfio.IoctlRequest;
import mdev.api.vfio.Iommu;
import mdev.api.vfio.IommuCapability;
import mdev.api.vfio.IommuDriver;
import mdev.api.vfio.IommuGetInfo;
import mdev.api.vfio.IommuInfo;
import mdev.api.vfio.MapDma;
import mdev.api.vfio.UnmapDma;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import vfio.mdev.iommu.memory.UserMemories;

/**
 * The DMA sections of the transcript, type1 and type1v2, against our back-end: the answers are the same except for the
 * deviations named here.
 */
class GoldenDmaTest {
    private static final long BUF = 0x7f00_0000_0000L;

    private static final String NO_ARGSZ = "records carry no argsz: sizes are the wire's affair";
    private static final String LAST_PAGE = "the last page can be unmapped (the kernel never finds it again)";
    private static final String SPAPR = "the sPAPR back-end is present";
    private static final String ALL = "UNMAP_ALL came after 5.10 (5.12); unmapping all at once is supported here";

    /** The deviations: command and case, our answer, and the reason. Every one must occur. */
    private static final Map<String, Deviation> DEVIATIONS = Map.ofEntries(
            Map.entry("VFIO_CHECK_EXTENSION SPAPR_TCE_IOMMU no iommu", new Deviation("1", SPAPR)),
            Map.entry("VFIO_CHECK_EXTENSION SPAPR_TCE_v2_IOMMU no iommu", new Deviation("1", SPAPR)),
            Map.entry("VFIO_CHECK_EXTENSION UNMAP_ALL", new Deviation("1", ALL)),
            Map.entry("VFIO_CHECK_EXTENSION UNMAP_ALL no iommu", new Deviation("1", ALL)),
            Map.entry("VFIO_IOMMU_UNMAP_DMA last page", new Deviation("0 size=0x1000", LAST_PAGE)),
            Map.entry("avail 65534", new Deviation("avail 65535", LAST_PAGE + ": its entry is not lost")));

    private record Deviation(String answer, String reason) {}

    private final Set<String> used = new LinkedHashSet<>();
    private final List<String> differences = new ArrayList<>();
    private int skipped;
    private int replayed;

    @Test
    void answersAsTheKernelDid() {
        UserMemories memories = new UserMemories();
        List<IommuDriver> drivers = List.of(new SpaprDriver(memories), new Type1Driver(memories));
        @Nullable Iommu iommu = null;
        Iterator<IommuCapability> capabilities = List.<IommuCapability>of().iterator();
        for (Golden golden : Golden.read("/golden/vfio/vfio-api-mtty-2.jsonl")) {
            String command = golden.text("cmd");
            boolean succeeded = golden.text("ret").equals("0");
            switch (command) {
                case "VFIO_SET_IOMMU" -> iommu = succeeded ? open(drivers, (int) golden.number("in", "type")) : iommu;
                case "VFIO_GROUP_UNSET_CONTAINER" -> {
                    if (succeeded && iommu != null) {
                        iommu.release();
                        iommu = null;
                    }
                }
                case "VFIO_CHECK_EXTENSION" -> checkExtension(golden, drivers, iommu);
                default -> {}
            }
            if (iommu != null && golden.fields().containsKey("iommu_cap")) {
                compare(golden, "avail", capability(golden), ours(capabilities.next()));
            }
            IoctlRequest request = iommu == null ? null : request(golden);
            if (request == null || iommu == null) {
                continue;
            }
            if (argszDecides(golden)) {
                skipped++;
                continue;
            }
            String answer = answer(iommu, request);
            compare(golden, command + " " + golden.at("in", "case"), expected(golden), answer);
            if (request instanceof IommuGetInfo && succeeded) {
                capabilities = info(iommu).capabilities().iterator();
            }
        }
        assertEquals(List.of(), differences);
        assertEquals(DEVIATIONS.keySet(), used, () -> "each named deviation is met: " + DEVIATIONS);
        assertTrue(replayed > 150, () -> "replayed " + replayed);
        assertEquals(12, skipped, NO_ARGSZ);
    }

    private static Iommu open(List<IommuDriver> drivers, int type) {
        for (IommuDriver driver : drivers) {
            if (driver.types().contains(type)) {
                try {
                    return driver.open(type);
                } catch (ErrnoException e) {
                    return fail(e);
                }
            }
        }
        return fail("no driver for " + type);
    }

    private void checkExtension(Golden golden, List<IommuDriver> drivers, @Nullable Iommu iommu) {
        int extension = (int) golden.number("in", "ext");
        int ours = iommu != null
                ? iommu.checkExtension(extension)
                : drivers.stream()
                        .mapToInt(driver -> driver.checkExtension(extension))
                        .max()
                        .orElse(0);
        String name = golden.text("cmd") + " " + golden.at("in", "name") + (iommu == null ? " no iommu" : "");
        compare(golden, name, golden.text("ret"), Integer.toString(ours));
    }

    private void compare(Golden golden, String what, String theirs, String ours) {
        replayed++;
        Deviation deviation = DEVIATIONS.getOrDefault(what, DEVIATIONS.get(theirs));
        if (!theirs.equals(ours)) {
            if (deviation != null && deviation.answer.equals(ours)) {
                used.add(DEVIATIONS.containsKey(what) ? what : theirs);
            } else {
                differences.add(golden + " — ours: " + ours);
            }
        }
    }

    /** The request of a line, or null if it is not about DMA. */
    private static @Nullable IoctlRequest request(Golden golden) {
        return switch (golden.text("cmd")) {
            case "VFIO_IOMMU_GET_INFO" -> new IommuGetInfo();
            case "VFIO_IOMMU_MAP_DMA" ->
                new MapDma(
                        (int) golden.number("in", "flags"),
                        Users.vaddr(vaddr(golden)),
                        golden.number("in", "iova"),
                        golden.number("in", "size"));
            case "VFIO_IOMMU_UNMAP_DMA" -> unmap(golden);
            case "VFIO_IOMMU_DIRTY_PAGES" ->
                new DirtyPages(
                        (int) golden.number("in", "flags"),
                        golden.number("in", "iova"),
                        golden.number("in", "size"),
                        new DirtyBitmap(golden.number("in", "pgsize"), bits((int) golden.number("in", "bitmap_size"))));
            case "_IO(';',200) unknown on container, iommu set" -> new IoctlRequest() {};
            default -> null;
        };
    }

    /** The two lines with a bitmap omit the mapped range, which their neighbours show. */
    private static UnmapDma unmap(Golden golden) {
        return golden.text("in").contains("GET_DIRTY_BITMAP")
                ? new UnmapDma(UnmapDma.GET_DIRTY_BITMAP, 0x100000, 0x8000, new DirtyBitmap(4096, bits(8)))
                : new UnmapDma(
                        (int) golden.number("in", "flags"),
                        golden.number("in", "iova"),
                        golden.number("in", "size"),
                        null);
    }

    private static MemorySegment bits(int size) {
        return MemorySegment.ofArray(new byte[size]);
    }

    private static long vaddr(Golden golden) {
        String vaddr = String.valueOf(golden.at("in", "vaddr"));
        return vaddr.startsWith("buf+")
                ? BUF + Long.parseLong(vaddr.substring("buf+0x".length()), 16)
                : golden.number("in", "vaddr");
    }

    private static boolean argszDecides(Golden golden) {
        return String.valueOf(golden.at("in", "case")).equals("argsz short")
                || (golden.text("cmd").equals("VFIO_IOMMU_GET_INFO") && golden.number("in", "argsz") < 4096);
    }

    private static String expected(Golden golden) {
        if (!golden.text("ret").equals("0")) {
            return golden.text("errno");
        }
        return switch (golden.text("cmd")) {
            case "VFIO_IOMMU_UNMAP_DMA" -> "0 size=" + golden.at("out", "size");
            case "VFIO_IOMMU_DIRTY_PAGES" -> "0 bits=" + golden.at("out", "bits0");
            case "VFIO_IOMMU_GET_INFO" ->
                "0 flags=" + golden.at("out", "flags") + " " + golden.at("out", "iova_pgsizes");
            default -> "0";
        };
    }

    private static String answer(Iommu iommu, IoctlRequest request) {
        try {
            IoctlReply reply = iommu.ioctl(request);
            return switch (reply) {
                case UnmapDma.Reply unmapped -> "0 size=0x" + Long.toHexString(unmapped.size());
                case IommuInfo info -> "0 flags=" + info.flags() + " 0x" + Long.toHexString(info.iovaPgsizes());
                default ->
                    request instanceof DirtyPages dirty && dirty.bitmap() != null
                            ? "0 bits=0x" + firstWord(dirty.bitmap())
                            : "0";
            };
        } catch (ErrnoException e) {
            return e.errno().name();
        }
    }

    private static String firstWord(DirtyBitmap bitmap) {
        return bitmap.data().byteSize() < Long.BYTES
                ? "0"
                : Long.toHexString(bitmap.data().get(ValueLayout.JAVA_LONG_UNALIGNED, 0));
    }

    private static IommuInfo info(Iommu iommu) {
        try {
            return (IommuInfo) iommu.ioctl(new IommuGetInfo());
        } catch (ErrnoException e) {
            return fail(e);
        }
    }

    private static String capability(Golden golden) {
        return golden.number("iommu_cap", "id") == 2
                ? "migration " + golden.at("iommu_cap", "flags") + " " + golden.at("iommu_cap", "pgsize_bitmap") + " "
                        + golden.at("iommu_cap", "max_dirty_bitmap_size")
                : "avail " + golden.at("iommu_cap", "avail");
    }

    private static String ours(IommuCapability capability) {
        return switch (capability) {
            case IommuCapability.Migration migration ->
                "migration %d 0x%x 0x%x"
                        .formatted(migration.flags(), migration.pgsizeBitmap(), migration.maxDirtyBitmapSize());
            case IommuCapability.DmaAvail avail -> "avail " + avail.avail();
        };
    }
}
