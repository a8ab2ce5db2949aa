package vfio.mdev;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.concurrent.atomic.AtomicInteger;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.DeviceInfo;
import mdev.api.vfio.DeviceOps;
import mdev.api.vfio.GetInfo;
import mdev.api.vfio.GetIrqInfo;
import mdev.api.vfio.GetRegionInfo;
import mdev.api.vfio.IoctlReply;
import mdev.api.vfio.IoctlRequest;
import mdev.api.vfio.IrqInfo;
import mdev.api.vfio.RegionInfo;
import mdev.api.vfio.Reset;
import mdev.api.vfio.VfioContext;
import mdev.api.vfio.VfioPci;
import org.jspecify.annotations.Nullable;

/**
 * A device with mtty-2's information from the transcripts and byte registers in BAR0. Counts its calls, and calls that
 * violate the contract.
 */
public class TestVendor implements DeviceOps {
    public final AtomicInteger opens = new AtomicInteger();
    public final AtomicInteger releases = new AtomicInteger();
    /** Calls outside of open and release, and opens or releases that do not alternate. */
    public final AtomicInteger violations = new AtomicInteger();

    private final byte[] registers = new byte[8];
    private volatile boolean open;
    public volatile @Nullable VfioContext context;

    @Override
    public void open(VfioContext context) throws ErrnoException {
        check(!open);
        open = true;
        this.context = context;
        opens.incrementAndGet();
    }

    @Override
    public void release() {
        check(open);
        open = false;
        releases.incrementAndGet();
    }

    protected final void check(boolean right) {
        if (!right) {
            violations.incrementAndGet();
        }
    }

    @Override
    public void read(int region, long offset, MemorySegment data, long dataOffset, int length) throws ErrnoException {
        check(open);
        place(region, offset, length);
        for (int i = 0; i < length; i++) {
            data.set(ValueLayout.JAVA_BYTE, dataOffset + i, registers[(int) offset + i]);
        }
        check(open);
    }

    @Override
    public void write(int region, long offset, MemorySegment data, long dataOffset, int length) throws ErrnoException {
        check(open);
        place(region, offset, length);
        for (int i = 0; i < length; i++) {
            registers[(int) offset + i] = data.get(ValueLayout.JAVA_BYTE, dataOffset + i);
        }
        check(open);
    }

    private static void place(int region, long offset, int length) throws ErrnoException {
        if (region != VfioPci.BAR0_REGION || offset > 8 - length) {
            throw new ErrnoException(Errno.EINVAL);
        }
    }

    @Override
    public IoctlReply ioctl(IoctlRequest request) throws ErrnoException {
        check(open);
        return switch (request) {
            case GetInfo() -> new DeviceInfo(DeviceInfo.PCI, VfioPci.NUM_REGIONS, VfioPci.NUM_IRQS);
            case GetRegionInfo(int index)
            when Integer.compareUnsigned(index, VfioPci.NUM_REGIONS) < 0 ->
                new RegionInfo(index, RegionInfo.READ | RegionInfo.WRITE, size(index));
            case GetIrqInfo(int index)
            when index == VfioPci.INTX_IRQ ->
                new IrqInfo(index, IrqInfo.EVENTFD | IrqInfo.MASKABLE | IrqInfo.AUTOMASKED, 1);
            case GetIrqInfo(int index)
            when index == VfioPci.MSI_IRQ || index == VfioPci.REQ_IRQ ->
                new IrqInfo(index, IrqInfo.EVENTFD | IrqInfo.NORESIZE, 1);
            case GetRegionInfo _, GetIrqInfo _ -> throw new ErrnoException(Errno.EINVAL);
            case Reset() -> IoctlReply.DONE;
            default -> throw new ErrnoException(Errno.ENOTTY);
        };
    }

    private static long size(int region) {
        return switch (region) {
            case VfioPci.BAR0_REGION, VfioPci.BAR1_REGION -> 8;
            case VfioPci.CONFIG_REGION -> 0xff;
            default -> 0;
        };
    }
}
