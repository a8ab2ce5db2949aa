package vfio.user.conformance;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import mdev.api.Mdev;
import mdev.api.MdevType;
import mdev.api.ParentOps;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.state.DeviceState;
import mdev.api.state.StatefulDevice;
import mdev.api.sysfs.Attribute;
import mdev.api.sysfs.AttributeGroup;
import mdev.api.vfio.DeviceInfo;
import mdev.api.vfio.DeviceOps;
import mdev.api.vfio.GetInfo;
import mdev.api.vfio.GetIrqInfo;
import mdev.api.vfio.GetRegionInfo;
import mdev.api.vfio.IoctlReply;
import mdev.api.vfio.IoctlRequest;
import mdev.api.vfio.IrqInfo;
import mdev.api.vfio.PinnedPage;
import mdev.api.vfio.RegionInfo;
import mdev.api.vfio.Reset;
import mdev.api.vfio.VfioContext;
import mdev.api.vfio.VfioNotifier;
import mdev.api.vfio.VfioPci;
import org.jspecify.annotations.Nullable;

/**
 * A version of a driver. A device adds up the numbers that are written to it, and reports the sum everywhere: in its
 * register, in a page that it has pinned, by DMA, in the memory of a region and by an interrupt per number. It records
 * violations of the contract.
 */
final class TallyDriver implements ParentOps<TallyDriver.Tally> {
    /** The register. */
    static final int SUM = VfioPci.BAR0_REGION;

    /** Memory with the number of writes since the open. */
    static final int WRITES = VfioPci.BAR1_REGION;

    /** The user's page: the sum by a pinned page, then the sum by DMA. */
    static final long IOVA = 0x10_000;

    static final long PAGE = 4096;
    static final String TYPE = "sum";

    private static final int RW = RegionInfo.READ | RegionInfo.WRITE;

    private final String version;
    private final List<String> types;
    private final Queue<String> violations;
    final Map<UUID, Tally> devices = new ConcurrentHashMap<>();

    /** The devices whose state this version has returned, and whether they were open. */
    final Map<UUID, Boolean> saved = new ConcurrentHashMap<>();

    /** The call that fails; replaced while no call is inside. */
    volatile PlannedFault fault;

    TallyDriver(String version, List<String> types, Queue<String> violations, PlannedFault fault) {
        this.version = version;
        this.types = types;
        this.violations = violations;
        this.fault = fault;
    }

    String version() {
        return version;
    }

    @Override
    public List<MdevType> supportedTypes() {
        return types.stream()
                .map(type -> MdevType.of(type, version, VfioPci.DEVICE_API, () -> 100))
                .toList();
    }

    @Override
    public Tally create(Mdev mdev) throws ErrnoException {
        fault.pass(PlannedFault.Call.CREATE, mdev.uuid());
        Tally tally = new Tally(mdev.uuid());
        if (devices.putIfAbsent(mdev.uuid(), tally) != null) {
            violations.add(mdev.uuid() + " is created twice");
        }
        return tally;
    }

    @Override
    public void remove(Tally tally) {
        tally.check(!tally.isOpen(), "is removed while it is open");
        tally.check(devices.remove(tally.uuid, tally), "is removed twice");
    }

    @Override
    public List<AttributeGroup> mdevAttributeGroups(Tally tally) {
        return List.of(new AttributeGroup(
                "tally", List.of(Attribute.readWrite("sum", () -> tally.sum() + "\n", value -> tally.add(value)))));
    }

    /** A device. */
    final class Tally implements DeviceOps, StatefulDevice {
        private final UUID uuid;

        /** The monitor guards the fields up to {@link #writes}. */
        private boolean running = true;

        private @Nullable VfioContext context;
        private @Nullable MemorySegment memory;
        private long sum;
        private long writes;

        /** Used by the only thread of the user, by open and by release. */
        private volatile @Nullable MemorySegment pinned;

        private final VfioNotifier.DmaUnmap unmap = (_, _) -> unpin();

        private Tally(UUID uuid) {
            this.uuid = uuid;
        }

        private void check(boolean right, String violation) {
            if (!right) {
                violations.add(version + ": " + uuid + " " + violation);
            }
        }

        private synchronized boolean isOpen() {
            return context != null;
        }

        @Override
        public void open(VfioContext by) throws ErrnoException {
            fault.pass(PlannedFault.Call.OPEN, uuid);
            by.registerNotifier(unmap); // unregistered in release()
            MemorySegment region = by.regionMemory(WRITES, PAGE);
            synchronized (this) {
                check(context == null, "is opened twice");
                context = by;
                memory = region;
                writes = 0;
            }
        }

        @Override
        public void release() {
            unpin();
            VfioContext by;
            synchronized (this) {
                by = context;
                check(by != null, "is released but not open");
                context = null;
                memory = null;
                writes = 0;
            }
            if (by != null) {
                try {
                    by.unregisterNotifier(unmap);
                } catch (ErrnoException e) {
                    check(isLate(e) || e.errno() == Errno.ENOENT, e.toString());
                }
            }
        }

        private void unpin() {
            VfioContext by;
            synchronized (this) {
                by = context;
            }
            if (pinned != null && by != null) {
                pinned = null;
                try {
                    by.unpinPages(new long[] {IOVA / PAGE});
                } catch (ErrnoException e) {
                    check(isLate(e) || e.errno() == Errno.EINVAL, e.toString()); // or the user has unmapped it
                }
            }
        }

        /** The call has hung: the object no longer has the device. */
        private static boolean isLate(ErrnoException e) {
            return e.errno() == Errno.ENODEV;
        }

        private MemorySegment page(VfioContext by) throws ErrnoException {
            MemorySegment page = pinned;
            if (page == null) {
                List<PinnedPage> pages = by.pinPages(
                        new long[] {IOVA / PAGE}, VfioContext.IOMMU_READ | VfioContext.IOMMU_WRITE); // see unpin()
                page = pages.getFirst().page();
                pinned = page;
            }
            return page;
        }

        private long sum() {
            synchronized (this) {
                check(running, "is read while it is stopped");
                return sum;
            }
        }

        /** The store of the attribute. */
        private void add(String value) {
            synchronized (this) {
                check(running, "is changed while it is stopped");
                sum += Long.parseLong(value.strip());
            }
        }

        @Override
        public void read(int region, long offset, MemorySegment data, long dataOffset, int length)
                throws ErrnoException {
            if (offset != 0 || length != Long.BYTES) {
                throw new ErrnoException(Errno.EINVAL);
            }
            synchronized (this) {
                MemorySegment shared = memory;
                check(running && shared != null, "is read while it is stopped or not open");
                data.set(
                        ValueLayout.JAVA_LONG_UNALIGNED,
                        dataOffset,
                        region == SUM || shared == null ? sum : shared.get(ValueLayout.JAVA_LONG, 0));
            }
        }

        @Override
        public void write(int region, long offset, MemorySegment data, long dataOffset, int length)
                throws ErrnoException {
            if (region != SUM || offset != 0 || length != Long.BYTES) {
                throw new ErrnoException(Errno.EINVAL);
            }
            VfioContext by;
            MemorySegment shared;
            synchronized (this) {
                by = context;
                shared = memory;
                check(running && by != null, "is written while it is stopped or not open");
            }
            if (by == null || shared == null) {
                throw new ErrnoException(Errno.EIO);
            }
            MemorySegment page = page(by);
            MemorySegment now = MemorySegment.ofArray(new byte[Long.BYTES]);
            long last;
            synchronized (this) {
                sum += data.get(ValueLayout.JAVA_LONG_UNALIGNED, dataOffset);
                last = sum;
                writes++;
                shared.set(ValueLayout.JAVA_LONG, 0, writes);
            }
            page.set(ValueLayout.JAVA_LONG_UNALIGNED, 0, last);
            now.set(ValueLayout.JAVA_LONG_UNALIGNED, 0, last);
            by.dmaWrite(IOVA + Long.BYTES, now, 0, Long.BYTES);
            by.trigger(VfioPci.MSI_IRQ, 0);
            synchronized (this) {
                check(running && by.equals(context), "is stopped or released during a write");
            }
        }

        @Override
        public IoctlReply ioctl(IoctlRequest request) throws ErrnoException {
            return switch (request) {
                case GetInfo() -> new DeviceInfo(DeviceInfo.PCI, VfioPci.NUM_REGIONS, VfioPci.NUM_IRQS);
                case GetRegionInfo(int index) when index == SUM -> new RegionInfo(index, RW, Long.BYTES);
                case GetRegionInfo(int index) when index == WRITES -> new RegionInfo(index, RW, PAGE);
                case GetRegionInfo(int index) -> new RegionInfo(index, 0, 0);
                case GetIrqInfo(int index)
                when index == VfioPci.MSI_IRQ -> new IrqInfo(index, IrqInfo.EVENTFD | IrqInfo.NORESIZE, 1);
                case GetIrqInfo _ -> throw new ErrnoException(Errno.EINVAL);
                case Reset() -> IoctlReply.DONE;
                default -> throw new ErrnoException(Errno.ENOTTY);
            };
        }

        @Override
        public void stop() throws ErrnoException {
            fault.pass(PlannedFault.Call.STOP, uuid);
            synchronized (this) {
                check(running, "is stopped twice");
                running = false;
            }
        }

        @Override
        public DeviceState save() throws ErrnoException {
            fault.pass(PlannedFault.Call.SAVE, uuid);
            synchronized (this) {
                check(!running, "is saved while it runs");
                saved.put(uuid, context != null);
                return DeviceState.version(1)
                        .with("sum", sum)
                        .with("writes", writes)
                        .with("by", version);
            }
        }

        @Override
        public void restore(DeviceState state) throws ErrnoException {
            boolean late = fault.pass(PlannedFault.Call.RESTORE, uuid);
            synchronized (this) {
                check(sum == 0 && writes == 0, "is restored when it is not new");
                running = false;
                sum = state.number("sum");
                writes = state.number("writes");
                MemorySegment shared = memory;
                check(
                        late || shared == null || shared.get(ValueLayout.JAVA_LONG, 0) == writes,
                        "has lost the memory of its region");
            }
        }

        @Override
        public void resume() throws ErrnoException {
            fault.pass(PlannedFault.Call.RESUME, uuid);
            synchronized (this) {
                running = true;
            }
        }

        synchronized boolean isRunning() {
            return running;
        }
    }
}
