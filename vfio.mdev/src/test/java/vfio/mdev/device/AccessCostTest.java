package vfio.mdev.device;

import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.IrqTrigger;
import mdev.api.vfio.SetIrqs;
import mdev.api.vfio.VfioContext;
import mdev.api.vfio.VfioDevice;
import mdev.api.vfio.VfioPci;
import org.junit.jupiter.api.Test;
import vfio.mdev.OpenedDevice;
import vfio.mdev.TestPlatform;
import vfio.mdev.TestVendor;

/** A region access and an interrupt allocate nothing. */
class AccessCostTest {
    private static final int TIMES = 100_000;

    /** A vendor that does nothing, so that only the path to it is measured. */
    private static final class Still extends TestVendor {
        @Override
        public void read(int region, long offset, MemorySegment data, long dataOffset, int length) {}

        @Override
        public void write(int region, long offset, MemorySegment data, long dataOffset, int length) {}
    }

    @Test
    void allocatesNothing() throws ErrnoException {
        Still vendor = new Still();
        try (TestPlatform platform = new TestPlatform();
                OpenedDevice open = platform.open(platform.add(0, vendor))) {
            IrqTrigger nowhere = () -> {};
            open.device().ioctl(SetIrqs.arm(VfioPci.INTX_IRQ, 0, nowhere));
            open.device().ioctl(SetIrqs.arm(VfioPci.MSI_IRQ, 0, nowhere));
            MemorySegment data = MemorySegment.ofArray(new byte[4]);
            VfioContext context = vendor.context;
            assertTrue(context != null);
            run(open.device(), context, data); // compiled now
            ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
            long before = threads.getCurrentThreadAllocatedBytes();
            run(open.device(), context, data);
            long allocated = threads.getCurrentThreadAllocatedBytes() - before;
            // A single object per access would be 1.6 MB; the allowance covers the measurement itself.
            assertTrue(allocated < TIMES / 10, allocated + " bytes");
        }
    }

    private static void run(VfioDevice device, VfioContext context, MemorySegment data) throws ErrnoException {
        for (int i = 0; i < TIMES; i++) {
            device.read(0, 0, data, 0, 4);
            device.write(0, 0, data, 0, 4);
            context.setIntx((i & 1) == 0);
            context.trigger(VfioPci.MSI_IRQ, 0);
            context.armed(VfioPci.MSI_IRQ, 0);
        }
    }
}
