package vfio.mdev.table;

import static mdev.api.vfio.VfioContainer.TYPE1V2_IOMMU;
import static mdev.api.vfio.VfioContainer.TYPE1_IOMMU;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static vfio.mdev.table.Rig.IOVA;
import static vfio.mdev.table.Rig.PAGE;
import static vfio.mdev.table.Rig.bytes;
import static vfio.mdev.table.Rig.pfns;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.IommuEnable;
import mdev.api.vfio.MapDma;
import mdev.api.vfio.VfioContainer;
import mdev.api.vfio.VfioContext;
import mdev.api.vfio.VfioDevice;
import mdev.api.vfio.VfioGroup;
import mdev.api.vfio.VfioNotifier;

/** A vendor's calls on its device's context. */
final class VendorCases {
    private static final int READ = VfioContext.IOMMU_READ;
    private static final int WRITE = VfioContext.IOMMU_READ | VfioContext.IOMMU_WRITE;
    private static final String MAPPING = "0x100000+0x2000";

    private VendorCases() {}

    static void addTo(Cases cases) {
        pin(cases);
        unpin(cases);
        dma(cases);
        range(cases);
        notifiers(cases);
        dmaUnmap(cases);
        regionMemory(cases);
        clearRegionMemory(cases);
    }

    private static void regionMemory(Cases cases) {
        cases.of("regionMemory")
                .add("zeroes", rig -> {
                    rig.device(TYPE1_IOMMU);
                    assertEquals(
                            -1,
                            MemorySegment.ofArray(new byte[PAGE])
                                    .mismatch(rig.context().regionMemory(2, PAGE)));
                })
                .add("of the next user: zeroes, regardless of the previous user's writes and mappings", rig -> {
                    VfioGroup group = rig.withIommu(TYPE1_IOMMU);
                    VfioDevice device = group.getDevice(rig.name());
                    rig.context().regionMemory(2, PAGE).fill((byte) 1);
                    device.close();
                    try (VfioDevice _ = group.getDevice(rig.name())) {
                        assertEquals(
                                -1,
                                MemorySegment.ofArray(new byte[PAGE])
                                        .mismatch(rig.context().regionMemory(2, PAGE)));
                    }
                })
                .add("a size below 1", rig -> {
                    rig.device(TYPE1_IOMMU);
                    rig.context().regionMemory(2, 0);
                })
                .add("another size than the first time", rig -> {
                    rig.device(TYPE1_IOMMU);
                    rig.context().regionMemory(2, PAGE);
                    rig.context().regionMemory(2, 2 * PAGE);
                })
                .add("after the release", rig -> {
                    VfioDevice device = rig.device(TYPE1_IOMMU);
                    VfioContext context = rig.context();
                    device.close();
                    context.regionMemory(2, PAGE);
                });
    }

    private static void clearRegionMemory(Cases cases) {
        cases.of("clearRegionMemory")
                .add("zeroes again", rig -> {
                    rig.device(TYPE1_IOMMU);
                    MemorySegment memory = rig.context().regionMemory(2, PAGE).fill((byte) 1);
                    rig.context().clearRegionMemory(2);
                    assertEquals(-1, memory.mismatch(MemorySegment.ofArray(new byte[PAGE])));
                })
                .add("a region without memory", rig -> {
                    rig.device(TYPE1_IOMMU);
                    rig.context().clearRegionMemory(2);
                })
                .add("after the release", rig -> {
                    VfioDevice device = rig.device(TYPE1_IOMMU);
                    VfioContext context = rig.context();
                    context.regionMemory(2, PAGE);
                    device.close();
                    context.clearRegionMemory(2);
                });
    }

    private static void pin(Cases cases) {
        cases.of("vfio_pin_pages")
                .add("a page", rig -> {
                    MemorySegment page =
                            rig.pinner().pinPages(pfns(1), READ).getFirst().page();
                    assertTrue(page.isReadOnly() && page.byteSize() == PAGE);
                })
                .add("no page", rig -> rig.pinner().pinPages(new long[0], READ))
                .add("513 pages", rig -> rig.pinner().pinPages(new long[513], READ))
                .add("version 1", rig -> rig.mapped(TYPE1_IOMMU).pinPages(pfns(0), READ))
                .add("no notifier", rig -> rig.mapped(TYPE1V2_IOMMU).pinPages(pfns(0), READ))
                .add("not mapped", rig -> rig.pinner().pinPages(pfns(2), READ))
                .add("the second page is not mapped: the first is not pinned", rig -> {
                    VfioContext vendor = rig.pinner();
                    try {
                        vendor.pinPages(pfns(0, 2), READ);
                    } finally {
                        rig.unmap(IOVA, 2 * PAGE, 2 * PAGE);
                        assertEquals(List.of(), rig.told);
                    }
                })
                .add(
                        "a page number beyond the address space",
                        rig -> rig.pinner().pinPages(new long[] {1L << 52 | IOVA / PAGE}, READ))
                .add("for writing, mapped for reading", rig -> {
                    VfioContext vendor = rig.pinner();
                    rig.map(MapDma.READ, 2 * IOVA, PAGE);
                    vendor.pinPages(new long[] {2 * IOVA / PAGE}, WRITE);
                })
                .add("memory without pages in this process", rig -> {
                    VfioContext vendor = rig.pinner();
                    rig.mapNothing(Rig.RW, 0, 2 * IOVA, PAGE);
                    vendor.pinPages(new long[] {2 * IOVA / PAGE}, READ);
                })
                .add("sPAPR", rig -> {
                    rig.device(VfioContainer.SPAPR_TCE_IOMMU);
                    rig.ask(new IommuEnable());
                    rig.map(IOVA, PAGE);
                    rig.context().registerNotifier(ignoring());
                    assertEquals(1, rig.context().pinPages(pfns(0), WRITE).size());
                })
                .add("after release", rig -> released(rig).pinPages(pfns(0), READ));
    }

    private static void unpin(Cases cases) {
        cases.of("vfio_unpin_pages")
                .add("pinned twice, unpinned twice", rig -> {
                    VfioContext vendor = rig.pinner();
                    vendor.pinPages(pfns(0, 0), READ);
                    assertEquals(1, vendor.unpinPages(pfns(0)));
                    VfioNotifier.DmaUnmap second = (_, _) -> unpinned(vendor, rig);
                    vendor.registerNotifier(second);
                    rig.unmap(IOVA, 2 * PAGE, 2 * PAGE);
                    assertEquals(List.of(MAPPING, "unpinned"), rig.told);
                })
                .add("mapped, not pinned", rig -> assertEquals(2, rig.pinner().unpinPages(pfns(0, 1))))
                .add(
                        "the second is not mapped: 1",
                        rig -> assertEquals(1, rig.pinner().unpinPages(pfns(1, 2))))
                .add("the first is not mapped", rig -> rig.pinner().unpinPages(pfns(2, 1)))
                .add("no page", rig -> rig.pinner().unpinPages(new long[0]))
                .add("513 pages", rig -> rig.pinner().unpinPages(new long[513]))
                .add("version 1", rig -> rig.mapped(TYPE1_IOMMU).unpinPages(pfns(0)));
    }

    private static void unpinned(VfioContext vendor, Rig rig) {
        try {
            vendor.unpinPages(pfns(0));
            rig.told.add("unpinned");
        } catch (ErrnoException e) {
            rig.told.add(e.toString());
        }
    }

    private static void dma(Cases cases) {
        cases.of("vfio_dma_rw")
                .add("read and write, version 1, without a notifier", rig -> {
                    VfioContext vendor = rig.mapped(TYPE1_IOMMU);
                    vendor.dmaWrite(IOVA + 5, MemorySegment.ofArray(new byte[] {1, 2, 3}), 1, 2);
                    MemorySegment back = bytes(2);
                    vendor.dmaRead(IOVA + 5, back, 0, 2);
                    assertEquals(-1, back.mismatch(MemorySegment.ofArray(new byte[] {2, 3})));
                })
                .add("no bytes", rig -> rig.mapped(TYPE1V2_IOMMU).dmaRead(IOVA, bytes(1), 0, 0))
                .add("a hole: the bytes before it are transferred", rig -> {
                    VfioContext vendor = rig.mapped(TYPE1V2_IOMMU);
                    byte[] ones = {1, 1, 1, 1};
                    try {
                        vendor.dmaWrite(IOVA + 2 * PAGE - 2, MemorySegment.ofArray(ones), 0, 4);
                    } finally {
                        byte[] end = new byte[3];
                        vendor.dmaRead(IOVA + 2 * PAGE - 3, MemorySegment.ofArray(end), 0, 3);
                        assertEquals("[0, 1, 1]", Arrays.toString(end));
                    }
                })
                .add("write, mapped for reading", rig -> only(rig, MapDma.READ).dmaWrite(2 * IOVA, bytes(1), 0, 1))
                .add("read, mapped for writing", rig -> only(rig, MapDma.WRITE).dmaRead(2 * IOVA, bytes(1), 0, 1))
                .add(
                        "write, mapped for writing only",
                        rig -> only(rig, MapDma.WRITE).dmaWrite(2 * IOVA, bytes(1), 0, 1))
                .add("no memory there", rig -> {
                    VfioContext vendor = rig.mapped(TYPE1V2_IOMMU);
                    rig.mapNothing(Rig.RW, 0, 2 * IOVA, PAGE);
                    vendor.dmaRead(2 * IOVA, bytes(1), 0, 1);
                })
                .add("beyond the last page", rig -> {
                    VfioContext vendor = rig.mapped(TYPE1V2_IOMMU);
                    rig.map(-PAGE, PAGE);
                    rig.map(0, PAGE);
                    vendor.dmaRead(-1, bytes(1), 0, 1);
                    vendor.dmaRead(-1, bytes(2), 0, 2);
                })
                .add("after release", rig -> released(rig).dmaRead(IOVA, bytes(1), 0, 1));
    }

    private static VfioContext only(Rig rig, int flags) throws ErrnoException {
        VfioContext vendor = rig.mapped(TYPE1V2_IOMMU);
        rig.map(flags, 2 * IOVA, PAGE);
        return vendor;
    }

    private static void range(Cases cases) {
        cases.of("mapRange")
                .add("across two mappings", rig -> {
                    VfioContext vendor = rig.pinner();
                    rig.map(IOVA + 2 * PAGE, PAGE);
                    List<Long> sizes = vendor.mapRange(IOVA + 10, 3 * PAGE - 10, WRITE).segments().stream()
                            .map(MemorySegment::byteSize)
                            .toList();
                    assertEquals(List.of(2L * PAGE - 10, (long) PAGE), sizes);
                })
                .add("a hole", rig -> rig.pinner().mapRange(IOVA, 3 * PAGE, READ))
                .add("no bytes", rig -> rig.pinner().mapRange(IOVA, 0, READ))
                .add("no notifier", rig -> rig.mapped(TYPE1V2_IOMMU).mapRange(IOVA, 1, READ))
                .add("version 1", rig -> rig.mapped(TYPE1_IOMMU).mapRange(IOVA, 1, READ))
                .add("for writing, mapped for reading", rig -> {
                    VfioContext vendor = rig.pinner();
                    rig.map(MapDma.READ, 2 * IOVA, PAGE);
                    vendor.mapRange(2 * IOVA, 1, WRITE);
                })
                .add("memory without pages in this process", rig -> {
                    VfioContext vendor = rig.pinner();
                    rig.mapNothing(Rig.RW, 0, 2 * IOVA, PAGE);
                    vendor.mapRange(2 * IOVA, 1, READ);
                });
    }

    private static void notifiers(Cases cases) {
        cases.of("vfio_register_notifier")
                .add("DMA_UNMAP", Rig::pinner)
                .add("client: notified at once of the current one", rig -> {
                    VfioDevice device = rig.device();
                    rig.context().registerNotifier(new VfioNotifier.Client() {
                        @Override
                        public void attached(String name) {
                            rig.told.add("attached " + name);
                        }

                        @Override
                        public void detached() {
                            rig.told.add("detached, releases: " + rig.vendor.releases.get());
                        }
                    });
                    assertEquals(List.of("attached the user"), rig.told);
                    device.close();
                    assertEquals("detached, releases: 0", rig.told.getLast());
                    assertEquals(1, rig.vendor.releases.get());
                })
                .add("the same again", rig -> {
                    VfioNotifier.DmaUnmap notifier = ignoring();
                    rig.pinner(notifier).registerNotifier(notifier);
                })
                .add("after release", rig -> released(rig).registerNotifier(ignoring()));
        cases.of("vfio_unregister_notifier").add("unknown", rig -> rig.pinner().unregisterNotifier(ignoring()));
    }

    private static void dmaUnmap(Cases cases) {
        cases.of("VFIO_IOMMU_NOTIFY_DMA_UNMAP")
                .add("called once, with the whole mapping", rig -> {
                    VfioContext[] vendor = new VfioContext[1];
                    vendor[0] = rig.pinner((iova, size) -> {
                        rig.told.add("0x%x+0x%x".formatted(iova, size));
                        unpinned(vendor[0], rig);
                    });
                    vendor[0].pinPages(pfns(0), WRITE);
                    rig.unmap(IOVA - PAGE, 8 * PAGE, 2 * PAGE);
                    assertEquals(List.of(MAPPING, "unpinned"), rig.told);
                })
                .add("not called for a mapping without pins", rig -> {
                    rig.pinner();
                    rig.unmap(IOVA, 2 * PAGE, 2 * PAGE);
                    assertEquals(List.of(), rig.told);
                })
                .add("ignored: called ten times, then the pins are revoked", rig -> {
                    MemorySegment page =
                            rig.pinner().pinPages(pfns(0), WRITE).getFirst().page();
                    rig.unmap(IOVA, 2 * PAGE, 2 * PAGE);
                    assertEquals(Collections.nCopies(10, MAPPING), rig.told);
                    assertFalse(page.scope().isAlive());
                })
                .add("hangs: the pins are revoked after a second", rig -> {
                    CountDownLatch end = new CountDownLatch(1);
                    MemorySegment page = rig.pinner((_, _) -> await(end))
                            .pinPages(pfns(0), WRITE)
                            .getFirst()
                            .page();
                    rig.unmap(IOVA, 2 * PAGE, 2 * PAGE);
                    assertFalse(page.scope().isAlive());
                    end.countDown();
                })
                .add("throws: counts as ignored", rig -> {
                    VfioContext vendor = rig.pinner((_, _) -> {
                        throw new IllegalStateException("a vendor's mistake");
                    });
                    MemorySegment page =
                            vendor.pinPages(pfns(0), WRITE).getFirst().page();
                    rig.unmap(IOVA, 2 * PAGE, 2 * PAGE);
                    assertFalse(page.scope().isAlive());
                });
    }

    private static void await(CountDownLatch end) {
        try {
            end.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    /** A distinct notifier: a lambda that captures nothing is always the same object. */
    private static VfioNotifier.DmaUnmap ignoring() {
        return new VfioNotifier.DmaUnmap() {
            @Override
            public void dmaUnmap(long iova, long size) {}
        };
    }

    /** The context of a device after its release. */
    private static VfioContext released(Rig rig) throws ErrnoException {
        VfioDevice device = rig.device();
        VfioContext context = rig.context();
        device.close();
        return context;
    }
}
