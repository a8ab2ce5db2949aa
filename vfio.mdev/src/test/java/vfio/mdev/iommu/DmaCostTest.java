package vfio.mdev.iommu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.DirtyPages;
import mdev.api.vfio.DmaAttachment;
import mdev.api.vfio.MapDma;
import mdev.api.vfio.UnmapDma;
import mdev.api.vfio.UserMemory;
import mdev.sync.BoundedCalls;
import org.junit.jupiter.api.Test;
import vfio.mdev.iommu.memory.UserMemories;

/**
 * DMA by a device, with the maximum number of mappings, allocates nothing: neither the lookup, nor the access, nor
 * marking an already dirty page.
 */
class DmaCostTest {
    private static final int PAGE = 4096;
    private static final int TIMES = 100_000;

    @Test
    void allocatesNothing() throws ErrnoException {
        Type1Iommu iommu = new Type1Iommu("type1v2", true, new UserMemories(), new BoundedCalls("notifier"));
        try (Arena arena = Arena.ofShared()) {
            MemorySegment memory = arena.allocate(16 * PAGE, PAGE);
            for (long i = 0; i < Type1Iommu.MAX_MAPPINGS; i++) {
                UserMemory.Local page = new UserMemory.Local(memory.asSlice(i % 16 * PAGE, PAGE));
                iommu.ioctl(new MapDma(MapDma.READ | MapDma.WRITE, page, i * PAGE, PAGE));
            }
            iommu.ioctl(DirtyPages.start());
            DmaAttachment vendor = iommu.attachDevice("vendor");
            MemorySegment data = arena.allocate(64);
            run(vendor, data); // compiled now
            ThreadMXBean bean = (ThreadMXBean) ManagementFactory.getThreadMXBean();
            long before = bean.getCurrentThreadAllocatedBytes();
            run(vendor, data);
            long allocated = bean.getCurrentThreadAllocatedBytes() - before;
            // A single object per access would be 1.6 MB; the allowance is for the measurement itself.
            assertTrue(allocated < TIMES / 10, allocated + " bytes");

            long begin = System.nanoTime();
            long cpu = bean.getCurrentThreadCpuTime();
            assertEquals((long) Type1Iommu.MAX_MAPPINGS * PAGE, ((UnmapDma.Reply) iommu.ioctl(UnmapDma.all())).size());
            System.out.println("unmap-all of " + Type1Iommu.MAX_MAPPINGS + " mappings of local memory: "
                    + (System.nanoTime() - begin) / 1000 + " us, "
                    + (bean.getCurrentThreadCpuTime() - cpu) / 1000 + " us of a processor");
        } finally {
            iommu.release();
        }
    }

    private static void run(DmaAttachment vendor, MemorySegment data) throws ErrnoException {
        for (int i = 0; i < TIMES; i++) {
            long iova = (long) (i % 1000) * 65 * PAGE + 100;
            vendor.dmaRead(iova, data, 0, 64);
            vendor.dmaWrite(iova, data, 0, 64);
        }
    }
}
