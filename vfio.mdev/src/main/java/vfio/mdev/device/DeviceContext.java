package vfio.mdev.device;

import java.lang.foreign.MemorySegment;
import java.util.List;
import mdev.api.Slot;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.DmaRange;
import mdev.api.vfio.PinnedPage;
import mdev.api.vfio.VfioContext;
import mdev.api.vfio.VfioNotifier;
import vfio.mdev.iommu.DeviceDma;
import vfio.mdev.irq.IrqTable;

/** The vendor's context of an open device: provides interrupts itself and memory through the container's back-end. */
final class DeviceContext implements VfioContext {
    private final IrqTable irqs;
    private final DeviceDma dma;
    private final DmaCounters moved;
    private final RegionMemories regions;
    private final Slot slot;
    private final Migration migration;

    /** Set when the vendor's object is released while its user stays; the next object has its own context. */
    private volatile boolean revoked;

    /**
     * @param slot reports what a driver does although its device is stopped
     * @param migration of the device
     */
    DeviceContext(
            IrqTable irqs, DeviceDma dma, DmaCounters moved, RegionMemories regions, Slot slot, Migration migration) {
        this.irqs = irqs;
        this.dma = dma;
        this.moved = moved;
        this.regions = regions;
        this.slot = slot;
        this.migration = migration;
    }

    void revoke() {
        revoked = true;
    }

    private DeviceDma dma() throws ErrnoException {
        check();
        return dma;
    }

    private void check() throws ErrnoException {
        if (revoked) {
            throw new ErrnoException(Errno.ENODEV, "the device is released");
        }
    }

    @Override
    public MemorySegment regionMemory(int region, long size) throws ErrnoException {
        check();
        return regions.map(region, size);
    }

    @Override
    public void clearRegionMemory(int region) throws ErrnoException {
        check();
        regions.clear(region);
    }

    @Override
    public boolean armed(int index, int vector) {
        return irqs.armed(index, vector);
    }

    @Override
    public void trigger(int index, int vector) {
        if (!revoked && mayRaise()) {
            irqs.trigger(index, vector);
        }
    }

    @Override
    public void setIntx(boolean high) {
        if (!revoked && (!high || mayRaise())) {
            irqs.setIntx(high);
        }
    }

    private boolean mayRaise() {
        if (migration.isStopped()) {
            var _ = slot.failed("an interrupt", new IllegalStateException("the device is stopped"));
            return false;
        }
        return true;
    }

    /** Pages may be pinned while the device is stopped, by its restore. */
    private void requireRunning() throws ErrnoException {
        if (!migration.isRunning()) {
            throw new ErrnoException(Errno.EBUSY, "the device is stopped or quiescent");
        }
    }

    @Override
    public List<PinnedPage> pinPages(long[] userPfn, int prot) throws ErrnoException {
        long iova = userPfn.length == 0 ? 0 : userPfn[0] * PAGE_SIZE;
        try {
            List<PinnedPage> pages = dma().memory().pinPages(userPfn, prot);
            moved.called("pinPages", iova, (long) userPfn.length * PAGE_SIZE, null);
            return pages;
        } catch (ErrnoException e) {
            moved.called("pinPages", iova, (long) userPfn.length * PAGE_SIZE, e);
            throw e;
        }
    }

    @Override
    public int unpinPages(long[] userPfn) throws ErrnoException {
        return dma().memory().unpinPages(userPfn);
    }

    @Override
    public void dmaRead(long iova, MemorySegment data, long offset, long length) throws ErrnoException {
        try {
            requireRunning();
            dma().memory().dmaRead(iova, data, offset, length);
        } catch (ErrnoException e) {
            moved.called("dmaRead", iova, length, e);
            throw e;
        }
        moved.read(iova, length);
    }

    @Override
    public void dmaWrite(long iova, MemorySegment data, long offset, long length) throws ErrnoException {
        try {
            requireRunning();
            dma().memory().dmaWrite(iova, data, offset, length);
        } catch (ErrnoException e) {
            moved.called("dmaWrite", iova, length, e);
            throw e;
        }
        moved.written(iova, length);
    }

    @Override
    public DmaRange mapRange(long iova, long length, int prot) throws ErrnoException {
        try {
            DmaRange range = dma().memory().mapRange(iova, length, prot);
            moved.called("mapRange", iova, length, null);
            return range;
        } catch (ErrnoException e) {
            moved.called("mapRange", iova, length, e);
            throw e;
        }
    }

    @Override
    public void registerNotifier(VfioNotifier notifier) throws ErrnoException {
        dma().registerNotifier(notifier);
    }

    @Override
    public void unregisterNotifier(VfioNotifier notifier) throws ErrnoException {
        dma().unregisterNotifier(notifier);
    }
}
