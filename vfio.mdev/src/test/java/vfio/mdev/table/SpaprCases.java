package vfio.mdev.table;

import static mdev.api.vfio.VfioContainer.SPAPR_TCE_IOMMU;
import static mdev.api.vfio.VfioContainer.SPAPR_TCE_V2_IOMMU;
import static mdev.api.vfio.VfioContainer.TYPE1V2_IOMMU;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static vfio.mdev.table.Rig.IOVA;
import static vfio.mdev.table.Rig.PAGE;
import static vfio.mdev.table.Rig.RW;

import mdev.api.vfio.IommuDisable;
import mdev.api.vfio.IommuEnable;
import mdev.api.vfio.SpaprRegisterMemory;
import mdev.api.vfio.SpaprTceCreate;
import mdev.api.vfio.SpaprTceGetInfo;
import mdev.api.vfio.SpaprTceInfo;
import mdev.api.vfio.SpaprTceRemove;
import mdev.api.vfio.SpaprUnregisterMemory;
import mdev.api.vfio.UnmapDma;

/** A user's calls on a container with sPAPR TCE. */
final class SpaprCases {
    private static final long GIB = 1L << 30;

    private SpaprCases() {}

    private static Cases.Case v1(Cases.Case then) {
        return rig -> {
            rig.withIommu(SPAPR_TCE_IOMMU);
            then.run(rig);
        };
    }

    private static Cases.Case v2(Cases.Case then) {
        return rig -> {
            rig.withIommu(SPAPR_TCE_V2_IOMMU);
            then.run(rig);
        };
    }

    private static Cases.Case enabled(Cases.Case then) {
        return v1(rig -> {
            rig.ask(new IommuEnable());
            then.run(rig);
        });
    }

    private static Cases.Case registered(Cases.Case then) {
        return v2(rig -> {
            rig.ask(register(0, 16 * PAGE));
            then.run(rig);
        });
    }

    private static SpaprRegisterMemory register(long vaddr, long size) {
        return new SpaprRegisterMemory(0, Rig.nothing(vaddr), size);
    }

    private static SpaprUnregisterMemory unregister(long vaddr, long size) {
        return new SpaprUnregisterMemory(0, Rig.nothing(vaddr), size);
    }

    static void addTo(Cases cases) {
        cases.of("VFIO_IOMMU_ENABLE")
                .add("with a group", v1(rig -> rig.ask(new IommuEnable())))
                .add("twice", enabled(rig -> rig.ask(new IommuEnable())))
                .add("version 2", v2(rig -> rig.ask(new IommuEnable())));
        cases.of("VFIO_IOMMU_DISABLE").add("always", v1(rig -> rig.ask(new IommuDisable())));
        cases.of("VFIO_IOMMU_SPAPR_TCE_GET_INFO")
                .add(
                        "with a group",
                        v1(rig -> assertEquals(
                                new SpaprTceInfo(0, 0, GIB, new SpaprTceInfo.Ddw(0, 0, 0)),
                                rig.ask(new SpaprTceGetInfo()))))
                .add("on type1", rig -> {
                    rig.withIommu(TYPE1V2_IOMMU);
                    rig.ask(new SpaprTceGetInfo());
                });
        cases.of("VFIO_IOMMU_MAP_DMA")
                .add("sPAPR, not enabled", v1(rig -> rig.map(IOVA, PAGE)))
                .add("sPAPR, outside of the window", enabled(rig -> rig.map(GIB, PAGE)))
                .add("sPAPR, beyond the window's end", enabled(rig -> rig.map(GIB - PAGE, 2 * PAGE)))
                .add("sPAPR, over a mapping", enabled(rig -> {
                    rig.map(IOVA, PAGE);
                    rig.map(IOVA, PAGE);
                }))
                .add("sPAPR v2, not registered", registered(rig -> rig.mapNothing(RW, 16 * PAGE, IOVA, PAGE)));
        cases.of("VFIO_IOMMU_UNMAP_DMA")
                .add("sPAPR, the middle of a mapping", enabled(rig -> {
                    rig.map(IOVA, 3 * PAGE);
                    rig.unmap(IOVA + PAGE, PAGE, PAGE);
                }))
                .add("sPAPR, outside of the window", enabled(rig -> rig.unmap(GIB, PAGE, 0)))
                .add("sPAPR, any flag", enabled(rig -> rig.ask(UnmapDma.all())));
        cases.of("VFIO_IOMMU_SPAPR_TCE_CREATE")
                .add(
                        "a second window",
                        v2(rig -> assertEquals(
                                new SpaprTceCreate.Reply(1L << 59), rig.ask(new SpaprTceCreate(0, 16, GIB, 1)))))
                .add("a third window", v2(rig -> {
                    rig.ask(new SpaprTceCreate(0, 16, GIB, 1));
                    rig.ask(new SpaprTceCreate(0, 16, GIB, 1));
                }))
                .add("pages of 8 KiB", v2(rig -> rig.ask(new SpaprTceCreate(0, 13, GIB, 1))))
                .add("not a power of two", v2(rig -> rig.ask(new SpaprTceCreate(0, 12, GIB + PAGE, 1))))
                .add("six levels", v2(rig -> rig.ask(new SpaprTceCreate(0, 12, GIB, 6))))
                .add("version 1", v1(rig -> rig.ask(new SpaprTceCreate(0, 12, GIB, 1))));
        cases.of("VFIO_IOMMU_SPAPR_TCE_REMOVE")
                .add("the default window", v2(rig -> rig.ask(new SpaprTceRemove(0, 0))))
                .add("no window there", v2(rig -> rig.ask(new SpaprTceRemove(0, GIB))));
        cases.of("VFIO_IOMMU_SPAPR_REGISTER_MEMORY")
                .add("whole pages", v2(rig -> rig.ask(register(0, PAGE))))
                .add("the same again", registered(rig -> rig.ask(register(0, 16 * PAGE))))
                .add("overlap", registered(rig -> rig.ask(register(8 * PAGE, 16 * PAGE))))
                .add("unaligned", v2(rig -> rig.ask(register(5, PAGE))))
                .add("version 1", v1(rig -> rig.ask(register(0, PAGE))));
        cases.of("VFIO_IOMMU_SPAPR_UNREGISTER_MEMORY")
                .add("before anything else", v2(rig -> rig.ask(unregister(0, PAGE))))
                .add("not registered", registered(rig -> rig.ask(unregister(0, PAGE))))
                .add("mapped", registered(rig -> {
                    rig.mapNothing(RW, 0, IOVA, PAGE);
                    rig.ask(unregister(0, 16 * PAGE));
                }));
    }
}
