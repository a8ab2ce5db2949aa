package vfio.mdev.device;

import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import mdev.api.Mdev;
import mdev.api.Slot;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.DeviceInfo;
import mdev.api.vfio.DeviceOps;
import mdev.api.vfio.GetInfo;
import mdev.api.vfio.GetIrqInfo;
import mdev.api.vfio.GetRegionInfo;
import mdev.api.vfio.GetRegionIoEvents;
import mdev.api.vfio.IoEvent;
import mdev.api.vfio.IoEventFd;
import mdev.api.vfio.IoctlReply;
import mdev.api.vfio.IoctlRequest;
import mdev.api.vfio.IrqInfo;
import mdev.api.vfio.MigrationState;
import mdev.api.vfio.RegionIoEvents;
import mdev.api.vfio.Reset;
import mdev.api.vfio.SetIrqs;
import mdev.sync.BoundedCalls;
import mdev.sync.FaultLog;
import mdev.sync.LimitedLog;
import vfio.mdev.iommu.DeviceDma;
import vfio.mdev.irq.IrqTable;
import vfio.mdev.uapi.DeviceApi;

/**
 * A device from the vendor's {@code open} to its {@code release}: shared by all handles opened in that period. It
 * occupies the device's {@link Slot}, and every call reaches the vendor through that slot.
 */
final class OpenDevice implements Slot.Occupant {
    private final Slot slot;
    private final Runnable onReleased;
    private final DeviceDma dma;
    private final DmaCounters moved;
    private final RegionMemories memories;
    private final Consumer<RegionMemories> onMemories;
    private final IoEvents ioEvents;
    private final Migration migration;
    private final DeviceApi api;

    /**
     * Set by the thread that detaches {@link #dma}: for the release, or for a removal that cannot wait for the
     * release.
     */
    private final AtomicBoolean detached = new AtomicBoolean();

    final IrqTable irqs;

    /** The context of the vendor's current object; replaced while the slot is frozen. */
    private volatile DeviceContext context;

    /**
     * @param mdev the device, whose slot is already occupied
     * @param dma the user's memory; detached after the release
     * @param moved counts the data moved through the vendor's context
     * @param migrations limits the log of failed migrations
     * @param calls runs the thread that serves the eventfds
     * @param memories of its regions, which another session may have had
     * @param onMemories receives them after the vendor's release
     * @param onReleased runs when the vendor's {@code release} has returned
     */
    OpenDevice(
            Mdev mdev,
            DeviceDma dma,
            DmaCounters moved,
            FaultLog userFaults,
            LimitedLog migrations,
            BoundedCalls calls,
            RegionMemories memories,
            Consumer<RegionMemories> onMemories,
            Runnable onReleased) {
        String name = mdev.uuid().toString();
        this.slot = mdev.slot();
        this.api = DeviceApi.of(mdev.deviceApi());
        this.dma = dma;
        this.moved = moved;
        this.memories = memories;
        this.onMemories = onMemories;
        this.migration = new Migration(name, mdev.typeId(), slot, memories, migrations);
        this.ioEvents = new IoEvents(name, slot, calls, migration::isStopped);
        this.onReleased = onReleased;
        this.irqs = new IrqTable(api, userFaults);
        this.context = context();
    }

    /** Runs the vendor's {@code open}; if it throws, the vendor's {@code release} must not run. */
    void open() throws ErrnoException {
        try {
            slot.callOccupied("open", ops -> {
                ops.open(context);
                irqs.setUp(irqKinds(ops));
                slot.opened(this);
                return this;
            });
        } catch (ErrnoException | RuntimeException | Error e) {
            dma.clientGone(); // for notifiers that the vendor had registered
            memories.close();
            detach();
            throw e;
        }
    }

    private DeviceContext context() {
        return new DeviceContext(irqs, dma, moved, memories, slot, migration);
    }

    @Override
    public void parked() {
        context.revoke();
        dma.endNotifiers();
    }

    @Override
    public void reopen(DeviceOps ops) throws ErrnoException {
        DeviceContext renewed = context();
        context = renewed;
        try {
            ops.open(renewed);
        } catch (Throwable t) {
            throw slot.failed("open", t);
        }
        try {
            irqs.extend(irqKinds(ops));
            migration.reopened(ops);
        } catch (ErrnoException e) {
            release(ops);
            throw e;
        }
    }

    @Override
    public boolean isStopped() {
        return migration.isStopped();
    }

    /** Whether the user listens to REQ, and so learns that the device is to be removed. */
    boolean hearsRequest() {
        return irqs.armed(api.request(), 0);
    }

    /** Raises REQ. */
    void request() {
        irqs.trigger(api.request(), 0);
    }

    Migration migration() {
        return migration;
    }

    /**
     * Called inside the slot, before an access.
     *
     * @throws ErrnoException EBUSY: the device is stopped, and the region is not the configuration space of a PCI
     *     device
     */
    void requireAccess(int region) throws ErrnoException {
        if (migration.isStoppedInside() && !api.isConfigurationSpace(region)) {
            throw busy();
        }
    }

    private ErrnoException busy() {
        return new ErrnoException(Errno.EBUSY, "the migration state of the device is " + migration.state());
    }

    /** Queries the vendor's interrupts; an index that the vendor rejects has none. */
    private List<IrqInfo> irqKinds(DeviceOps ops) {
        int kinds;
        try {
            kinds = vendorIoctl(ops, new GetInfo()) instanceof DeviceInfo info ? info.numIrqs() : 0;
        } catch (ErrnoException e) {
            kinds = 0;
        }
        return IntStream.range(0, Math.clamp(kinds, 0, IrqTable.MAX_COUNT))
                .mapToObj(index -> irqKind(ops, index))
                .toList();
    }

    private IrqInfo irqKind(DeviceOps ops, int index) {
        try {
            if (vendorIoctl(ops, new GetIrqInfo(index)) instanceof IrqInfo info) {
                return info;
            }
        } catch (ErrnoException e) {
            // The device does not have the kind.
        }
        return new IrqInfo(index, 0, 0);
    }

    /**
     * Ends the session, once, after its handles have been closed or revoked: closes the triggers; then the vendor's
     * release runs, on this thread or when the last access inside leaves.
     */
    void shut() {
        irqs.close();
        ioEvents.close();
        slot.vacate(this::release);
    }

    private void release() {
        dma.clientGone();
        try {
            migration.abandon(slot.ops());
        } catch (Throwable t) {
            var _ = slot.failed("release", t);
        }
        release(slot.ops());
        onMemories.accept(memories);
        detach();
        onReleased.run();
    }

    private void release(DeviceOps ops) {
        try {
            ops.release();
        } catch (Throwable t) {
            var _ = slot.failed("release", t);
        }
    }

    /** Revokes the user's memory from the vendor. Idempotent. */
    void detach() {
        if (detached.compareAndSet(false, true)) {
            try {
                dma.detach();
            } catch (RuntimeException | Error e) {
                var _ = slot.failed("detaching its memory", e);
            }
        }
    }

    /** Called inside the slot: returns another descriptor of the region's memory. */
    int regionFd(int region) throws ErrnoException {
        return memories.dup(region);
    }

    /** Called inside the slot: returns the eventfds of a region. */
    List<IoEventFd> regionIoFds(int region, int most) throws ErrnoException {
        try {
            return vendorIoctl(slot.ops(), new GetRegionIoEvents(region))
                            instanceof RegionIoEvents(List<IoEvent> events)
                    ? ioEvents.fds(region, events, most)
                    : List.of();
        } catch (ErrnoException e) {
            if (e.errno() == Errno.ENOTTY || e.errno() == Errno.EOPNOTSUPP) {
                return List.of(); // unsupported by the driver or the kernel: the user makes the writes itself
            }
            throw e;
        }
    }

    /** Called inside the slot. */
    IoctlReply ioctl(IoctlRequest request) throws ErrnoException {
        if (request instanceof SetIrqs set) {
            irqs.set(set);
            return IoctlReply.DONE;
        }
        boolean allowed = request instanceof Reset ? migration.isRunning() : !migration.isStopped() || isQuery(request);
        if (!allowed) {
            throw busy();
        }
        if (request instanceof Reset) {
            ioEvents.discard();
        }
        return vendorIoctl(slot.ops(), request);
    }

    private static boolean isQuery(IoctlRequest request) {
        return request instanceof GetInfo
                || request instanceof GetRegionInfo
                || request instanceof GetIrqInfo
                || request instanceof GetRegionIoEvents;
    }

    /** Called alone in the slot. */
    void migrate(DeviceOps ops, MigrationState to) throws ErrnoException {
        if (!migration.isStopped()) {
            ioEvents.flush();
        }
        migration.set(ops, to);
    }

    /** @throws ErrnoException EBUSY: the user migrates the device */
    void requireNoMigration() throws ErrnoException {
        if (!migration.isRunning()) {
            throw busy();
        }
    }

    /** The memory belongs to the next session, too. */
    void keepMemories() {
        memories.keep();
    }

    /** Resets the device in any state; called alone in the slot. */
    IoctlReply reset(DeviceOps ops) throws ErrnoException {
        ioEvents.discard();
        return migration.reset(ops);
    }

    private IoctlReply vendorIoctl(DeviceOps ops, IoctlRequest request) throws ErrnoException {
        IoctlReply reply;
        try {
            reply = ops.ioctl(request);
        } catch (Throwable t) {
            throw slot.failed("ioctl", t);
        }
        if (reply == null) { // vendors may be compiled without null checks
            throw slot.failed("ioctl", new NullPointerException("no reply to " + request));
        }
        return reply;
    }
}
