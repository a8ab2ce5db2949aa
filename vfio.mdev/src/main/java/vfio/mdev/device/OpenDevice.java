package vfio.mdev.device;

import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.IntStream;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.DeviceInfo;
import mdev.api.vfio.DeviceOps;
import mdev.api.vfio.GetInfo;
import mdev.api.vfio.GetIrqInfo;
import mdev.api.vfio.IoctlReply;
import mdev.api.vfio.IoctlRequest;
import mdev.api.vfio.IrqInfo;
import mdev.api.vfio.SetIrqs;
import mdev.sync.FaultLog;
import vfio.mdev.gate.Gate;
import vfio.mdev.iommu.DeviceDma;
import vfio.mdev.irq.IrqTable;

/**
 * A device from the vendor's {@code open} to its {@code release}: shared by all handles of that time. Every call of a handle into the vendor
 * goes through {@link #gate}; {@code release} is the end of that gate.
 */
final class OpenDevice {
    private final FaultLog faults;
    private final Runnable onReleased;
    private final DeviceDma dma;
    private final DmaCounters moved;
    private final RegionMemories memories;
    /** Set by the one that detaches {@link #dma}: the release, or a removal that cannot wait for it. */
    private final AtomicBoolean detached = new AtomicBoolean();

    final DeviceOps ops;
    final IrqTable irqs;
    final Gate gate = new Gate(this::release);

    /**
     * @param name the device's
     * @param dma the user's memory; detached after the release
     * @param moved counts what goes through the vendor's context
     * @param onReleased runs when the vendor's {@code release} has returned
     */
    OpenDevice(
            String name,
            DeviceOps ops,
            DeviceDma dma,
            DmaCounters moved,
            FaultLog faults,
            FaultLog userFaults,
            Runnable onReleased) {
        this.ops = ops;
        this.dma = dma;
        this.moved = moved;
        this.memories = new RegionMemories(name);
        this.faults = faults;
        this.onReleased = onReleased;
        this.irqs = new IrqTable(userFaults);
    }

    /** The vendor's {@code open}; after one that threw the vendor must not be released. */
    void open() throws ErrnoException {
        try {
            ops.open(new DeviceContext(irqs, dma, moved, memories));
        } catch (Throwable t) {
            memories.close();
            detach();
            throw failed("open", t);
        }
        irqs.setUp(irqCounts());
    }

    /** The vendor says what interrupts it has; an index that it refuses has none. */
    private int[] irqCounts() {
        int kinds;
        try {
            kinds = vendorIoctl(new GetInfo()) instanceof DeviceInfo info ? info.numIrqs() : 0;
        } catch (ErrnoException e) {
            kinds = 0;
        }
        return IntStream.range(0, Math.clamp(kinds, 0, IrqTable.MAX_COUNT))
                .map(this::irqCount)
                .toArray();
    }

    private int irqCount(int index) {
        try {
            return vendorIoctl(new GetIrqInfo(index)) instanceof IrqInfo info ? IrqTable.countOf(info) : 0;
        } catch (ErrnoException e) {
            return 0;
        }
    }

    /**
     * Lets no call in any more. The gate is held meanwhile, so that nothing is released before {@link #letGo}, which must follow. Called once, by who
     * took the session.
     */
    void refuse() {
        gate.enter();
        gate.close();
    }

    /** Closes the triggers; then the vendor's release runs, here or when the last call that is still inside leaves. */
    void letGo() {
        irqs.close();
        gate.leave();
    }

    void shut() {
        refuse();
        letGo();
    }

    private void release() {
        dma.clientGone();
        try {
            ops.release();
        } catch (Throwable t) {
            faults.report("release", t);
        }
        memories.close();
        detach();
        onReleased.run();
    }

    /** Takes the user's memory from the vendor. Idempotent. */
    void detach() {
        if (detached.compareAndSet(false, true)) {
            try {
                dma.detach();
            } catch (RuntimeException | Error e) {
                faults.report("detaching its memory", e);
            }
        }
    }

    /** Inside the gate: another descriptor of the region's memory. */
    int regionFd(int region) throws ErrnoException {
        return memories.dup(region);
    }

    /** Inside the gate. */
    IoctlReply ioctl(IoctlRequest request) throws ErrnoException {
        if (request instanceof SetIrqs set) {
            irqs.set(set);
            return IoctlReply.DONE;
        }
        return vendorIoctl(request);
    }

    private IoctlReply vendorIoctl(IoctlRequest request) throws ErrnoException {
        IoctlReply reply;
        try {
            reply = ops.ioctl(request);
        } catch (Throwable t) {
            throw failed("ioctl", t);
        }
        if (reply == null) { // a vendor need not be compiled with null checks
            throw failed("ioctl", new NullPointerException("no answer to " + request));
        }
        return reply;
    }

    /** What a user gets for what a vendor threw: its errno; for anything else EIO, and the log has the rest. */
    ErrnoException failed(String call, Throwable thrown) {
        if (thrown instanceof ErrnoException answer) {
            return answer;
        }
        faults.report(call, thrown);
        return new ErrnoException(Errno.EIO, "the device's driver failed in " + call);
    }
}
