package mdev.pci;

import java.lang.foreign.MemorySegment;
import java.util.List;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.DmaRange;
import mdev.api.vfio.PinnedPage;
import mdev.api.vfio.VfioContext;
import mdev.api.vfio.VfioNotifier;
import mdev.api.vfio.VfioPci;

/**
 * The context of a function on the bus: while Bus Master Enable is clear, an access to the guest's memory fails with
 * EACCES; messages follow the rules of {@link Interrupts}.
 */
final class BusMasterContext implements VfioContext {
    private final VfioContext user;
    private final BusMaster bus;
    private final Interrupts interrupts;

    BusMasterContext(VfioContext user, BusMaster bus, Interrupts interrupts) {
        this.user = user;
        this.bus = bus;
        this.interrupts = interrupts;
    }

    private void enter() throws ErrnoException {
        if (!bus.enter()) {
            throw new ErrnoException(Errno.EACCES, "the guest has not set Bus Master Enable");
        }
    }

    @Override
    public void dmaRead(long iova, MemorySegment data, long offset, long length) throws ErrnoException {
        enter();
        try {
            user.dmaRead(iova, data, offset, length);
        } finally {
            bus.leave();
        }
    }

    @Override
    public void dmaWrite(long iova, MemorySegment data, long offset, long length) throws ErrnoException {
        enter();
        try {
            user.dmaWrite(iova, data, offset, length);
        } finally {
            bus.leave();
        }
    }

    @Override
    public List<PinnedPage> pinPages(long[] userPfn, int prot) throws ErrnoException {
        enter();
        try {
            return user.pinPages(userPfn, prot);
        } finally {
            bus.leave();
        }
    }

    @Override
    public DmaRange mapRange(long iova, long length, int prot) throws ErrnoException {
        enter();
        try {
            return user.mapRange(iova, length, prot);
        } finally {
            bus.leave();
        }
    }

    @Override
    public int unpinPages(long[] userPfn) throws ErrnoException {
        return user.unpinPages(userPfn);
    }

    @Override
    public void registerNotifier(VfioNotifier notifier) throws ErrnoException {
        user.registerNotifier(notifier);
    }

    @Override
    public void unregisterNotifier(VfioNotifier notifier) throws ErrnoException {
        user.unregisterNotifier(notifier);
    }

    @Override
    public MemorySegment regionMemory(int region, long size) throws ErrnoException {
        return user.regionMemory(region, size);
    }

    @Override
    public void clearRegionMemory(int region) throws ErrnoException {
        user.clearRegionMemory(region);
    }

    @Override
    public boolean armed(int index, int vector) {
        return user.armed(index, vector);
    }

    @Override
    public void trigger(int index, int vector) {
        if (index == VfioPci.MSI_IRQ || index == VfioPci.MSIX_IRQ) {
            interrupts.message(index, vector);
        } else {
            user.trigger(index, vector);
        }
    }

    @Override
    public void setIntx(boolean high) {
        user.setIntx(high);
    }
}
