package vfio.mdev.iommu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.DmaAttachment;
import mdev.api.vfio.UserMemory;
import mdev.sync.BoundedCalls;
import org.junit.jupiter.api.Test;
import vfio.mdev.iommu.memory.MemoryRef;
import vfio.mdev.iommu.memory.UserMemories;

class EvictionTest {
    private static final int PAGE = 4096;

    private final List<String> warnings = new ArrayList<>();
    private final Eviction eviction = new Eviction(warnings::add);
    private final UserMemories memories = new UserMemories();
    private final AddressSpace space = new AddressSpace(AddressSpace.Pinning.ALLOWED, new BoundedCalls("notifier"));

    @Test
    void namesTheVendorThatKeepsItsPins() throws ErrnoException {
        try (Arena arena = Arena.ofShared()) {
            DmaMapping mapping = mapping(arena);
            DmaAttachment stubborn = space.attach("vendor.stubborn (device 1)");
            DmaAttachment other = space.attach("vendor.other (device 2)");
            stubborn.registerNotifier(Users.ignoresUnmap());
            stubborn.pinPages(new long[] {0}, 1);
            other.pinPages(new long[] {1}, 1);
            other.unpinPages(new long[] {1});
            for (int i = 0; i < 10; i++) {
                assertFalse(eviction.end(mapping));
                eviction.ask(mapping, space.notifiers());
            }
            assertTrue(eviction.end(mapping));
            eviction.finish();
        }
        assertEquals(
                List.of("vendor.stubborn (device 1) kept iova 0x0+0x2000 pinned after DMA_UNMAP:"
                        + " its pins are dropped by force"),
                warnings);
        assertEquals(0, memories.numbers().size());
    }

    @Test
    void logsNothingForAVendorThatReleases() throws ErrnoException {
        try (Arena arena = Arena.ofShared()) {
            DmaMapping mapping = mapping(arena);
            DmaAttachment vendor = space.attach("vendor");
            vendor.registerNotifier(Users.ignoresUnmap());
            vendor.pinPages(new long[] {0}, 1);
            assertFalse(eviction.end(mapping));
            vendor.unpinPages(new long[] {0});
            assertTrue(eviction.end(mapping));
            eviction.finish();
        }
        assertEquals(List.of(), warnings);
    }

    private DmaMapping mapping(Arena arena) throws ErrnoException {
        MemorySegment memory = arena.allocate(2 * PAGE, PAGE);
        MemoryRef open = memories.open(new UserMemory.Local(memory), 2 * PAGE, true);
        DmaMapping mapping = new DmaMapping(0, 2 * PAGE - 1, 3, open, 0, memories.numbers());
        space.insert(mapping, 1);
        return mapping;
    }
}
