package mdev.pci;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.state.DeviceState;
import mdev.api.state.QuiescentDevice;
import mdev.api.state.StatefulDevice;
import mdev.api.vfio.DeviceInfo;
import mdev.api.vfio.DeviceOps;
import mdev.api.vfio.GetInfo;
import mdev.api.vfio.GetIrqInfo;
import mdev.api.vfio.GetRegionInfo;
import mdev.api.vfio.GetRegionIoEvents;
import mdev.api.vfio.IoEvent;
import mdev.api.vfio.IoctlReply;
import mdev.api.vfio.IoctlRequest;
import mdev.api.vfio.IrqInfo;
import mdev.api.vfio.RegionCapability.Area;
import mdev.api.vfio.RegionCapability.SparseMmap;
import mdev.api.vfio.RegionInfo;
import mdev.api.vfio.RegionIoEvents;
import mdev.api.vfio.Reset;
import mdev.api.vfio.VfioContext;
import mdev.api.vfio.VfioPci;
import org.jspecify.annotations.Nullable;

/**
 * A PCI device: device info, configuration space, reset, and dispatch of accesses to regions. A vendor supplies a
 * {@link PciFunction} and a {@link Region} for each BAR.
 *
 * <p>An access takes no lock and allocates nothing in this class; regions guard their own state.
 */
public class PciDevice implements DeviceOps {
    private final PciFunction function;
    private final ConfigSpace config;
    private final BusMaster bus;
    private final Interrupts interrupts;
    private final @Nullable Region[] regions = new @Nullable Region[VfioPci.NUM_REGIONS];
    private final long[] sizes = new long[VfioPci.NUM_REGIONS];

    /** The offset of the byte with Initiate Function Level Reset; invalid without PCI Express. */
    private final long flr;

    /**
     * Outstanding calls of {@link #tellBusMaster}. The thread that raises it from 0 notifies the regions until it is 0
     * again.
     */
    private final AtomicInteger changes = new AtomicInteger();

    /** The state that the regions were last notified of; owned by the notifying thread. */
    private boolean told;

    /** Stopped or restored, and not resumed yet: what changes in configuration space takes effect then. */
    private volatile boolean stopped;

    /**
     * @param function the declaration
     * @param regions creates the regions of the declared BARs, in the order of the declaration; they raise interrupts
     *     through the argument. They are reset from the last BAR to the first, so that an engine stops before the
     *     memory that it works on is cleared, if its own BAR comes after that memory's BAR
     * @throws IllegalArgumentException the number of regions differs from the number of BARs
     */
    protected PciDevice(PciFunction function, Function<Interrupts, List<? extends Region>> regions) {
        this.function = function;
        Capability.Express express = function.express();
        this.flr = express == null ? Long.MAX_VALUE : function.offset(express) + Capability.Express.RESET;
        this.config = new ConfigSpace(function, this::live);
        this.bus = new BusMaster(this::busMaster);
        this.interrupts = new Interrupts(function, config, bus);
        List<? extends Region> made = regions.apply(interrupts);
        List<Bar> bars = function.bars();
        if (made.size() != bars.size()) {
            throw new IllegalArgumentException(made.size() + " regions for " + bars.size() + " BARs");
        }
        for (int i = 0; i < bars.size(); i++) {
            Bar bar = bars.get(i);
            List<MsixBar.Part> structures = interrupts.structures(bar.index());
            Region region = made.get(i);
            region.ioEvents().forEach(event -> check(event, bar, region, structures));
            put(bar.index(), structures.isEmpty() ? region : new MsixBar(region, bar.size(), structures), bar.size());
        }
        byte[] rom = function.rom();
        if (rom != null) {
            put(VfioPci.ROM_REGION, new Rom(MemorySegment.ofArray(rom)), rom.length);
        }
        put(VfioPci.CONFIG_REGION, config, function.configSize());
    }

    private static void check(IoEvent event, Bar bar, Region region, List<MsixBar.Part> structures) {
        long end = event.offset() + event.size();
        if (bar.space() == Bar.Space.IO
                || end > bar.size()
                || structures.stream().anyMatch(part -> part.overlaps(event.offset(), end))
                || region.mappable().stream()
                        .anyMatch(area -> area.offset() < end && event.offset() < area.offset() + area.size())) {
            throw new IllegalArgumentException(
                    "BAR%d cannot have %s: only memory that is neither mapped nor MSI-X's can"
                            .formatted(bar.index(), event));
        }
    }

    private void put(int index, Region region, long size) {
        regions[index] = region;
        sizes[index] = size;
    }

    @Override
    public void open(VfioContext context) throws ErrnoException {
        var user = new BusMasterContext(context, bus, interrupts);
        try {
            for (Region region : regions) {
                if (region != null) {
                    region.open(user);
                }
            }
        } catch (ErrnoException | RuntimeException e) {
            releaseRegions();
            throw e;
        }
        interrupts.open(context);
    }

    @Override
    public void release() {
        interrupts.release();
        releaseRegions();
    }

    private void releaseRegions() {
        for (Region region : regions) {
            if (region != null) {
                region.release();
            }
        }
    }

    @Override
    public final void read(int region, long offset, MemorySegment data, long dataOffset, int length)
            throws ErrnoException {
        region(region, offset, length).read(offset, data, dataOffset, length);
    }

    @Override
    public final void write(int region, long offset, MemorySegment data, long dataOffset, int length)
            throws ErrnoException {
        Region written = region(region, offset, length);
        if (region == VfioPci.ROM_REGION) {
            throw new ErrnoException(Errno.EINVAL, "a ROM cannot be written");
        }
        written.write(offset, data, dataOffset, length);
        if (region == VfioPci.CONFIG_REGION) {
            if (startsReset(offset, data, dataOffset, length)) {
                reset();
            } else {
                settle();
            }
            configWritten((int) offset, length);
        }
    }

    /** Whether a write to configuration space sets Initiate Function Level Reset, which always reads as 0. */
    private boolean startsReset(long offset, MemorySegment data, long dataOffset, int length) {
        long at = flr - offset;
        return at >= 0 && at < length && data.get(ValueLayout.JAVA_BYTE, dataOffset + at) < 0;
    }

    /**
     * Called after the user has written to configuration space, when the writable bits have changed and the toolkit has
     * acted on them (bus mastering, interrupts, a Function Level Reset). {@link #getConfig} returns the current value,
     * which may already be that of another write: several threads can write at once. To reject a value, the vendor sets
     * another.
     *
     * @param offset of the first byte written, 0 to 4095
     * @param length in bytes, of one access of the user: any number, at any offset
     * @throws ErrnoException the errno that the user gets for the access, although the bits have changed
     */
    protected void configWritten(int offset, int length) throws ErrnoException {}

    /**
     * Reads a register of configuration space as the guest does. Thread-safe; each byte that another thread is writing
     * may have its old or its new value.
     *
     * @param offset in bytes; for a register of a capability, from {@link PciFunction#offset}
     * @param size in bytes, 1 to 8
     * @throws IndexOutOfBoundsException beyond configuration space
     */
    public final long getConfig(int offset, int size) {
        return config.get(offset, size);
    }

    /**
     * Sets a register of configuration space, including bits that the guest cannot write; a reset restores the declared
     * value. Parameters as for {@link #getConfig}. Not for registers that the toolkit acts on, such as COMMAND: it does
     * not notice the change.
     */
    protected final void setConfig(int offset, int size, long value) {
        config.set(offset, size, value);
    }

    @Override
    public IoctlReply ioctl(IoctlRequest request) throws ErrnoException {
        return switch (request) {
            case GetInfo() -> new DeviceInfo(DeviceInfo.RESET | DeviceInfo.PCI, VfioPci.NUM_REGIONS, VfioPci.NUM_IRQS);
            case GetRegionInfo(int index) -> regionInfo(index);
            case GetRegionIoEvents(int index) -> ioEvents(index);
            case GetIrqInfo(int index) -> irqInfo(index);
            case Reset() -> {
                reset();
                yield IoctlReply.DONE;
            }
            default -> throw new ErrnoException(Errno.ENOTTY);
        };
    }

    /**
     * Resets all regions to power-on: configuration space first, so that accesses to the guest's memory have ended
     * before the other regions are reset. The user's interrupts stay armed.
     */
    protected final void reset() {
        config.reset();
        settle();
        for (Region region : Arrays.asList(regions).reversed()) {
            if (region != null && region != config) {
                region.reset();
            }
        }
        interrupts.reset();
        interrupts.update();
    }

    /** As {@link QuiescentDevice#quiesce}; a device that implements that interface inherits its methods from here. */
    public void quiesce() throws ErrnoException {
        for (Region region : regions) {
            if (region != null) {
                region.quiesce();
            }
        }
    }

    /** As {@link QuiescentDevice#unquiesce}. */
    public void unquiesce() throws ErrnoException {
        for (Region region : regions) {
            if (region != null) {
                region.unquiesce();
            }
        }
    }

    /** As {@link StatefulDevice#stop}; a device that implements that interface inherits its methods from here. */
    public void stop() throws ErrnoException {
        for (Region region : regions) {
            if (region != null) {
                region.stop();
            }
        }
        interrupts.stop();
        stopped = true;
    }

    /** As {@link StatefulDevice#save}: configuration space, interrupts, and the states of the regions. */
    public DeviceState save() throws ErrnoException {
        DeviceState state = DeviceState.version(this instanceof StatefulDevice device ? device.stateVersion() : 1)
                .with("config", config.bytes())
                .with("interrupts", interrupts.save());
        for (Bar bar : function.bars()) {
            Region region = Objects.requireNonNull(regions[bar.index()]);
            state = state.with(name(bar), region.save().with("size", bar.size()));
        }
        return state;
    }

    /**
     * As {@link StatefulDevice#restore}.
     *
     * @throws ErrnoException EINVAL: a BAR is missing or has another size, or a field is missing or invalid
     */
    public void restore(DeviceState state) throws ErrnoException {
        stopped = true;
        config.restore(state.bytes("config"));
        interrupts.restore(state.section("interrupts"));
        for (Bar bar : function.bars()) {
            DeviceState saved = state.section(name(bar));
            if (saved.number("size") != bar.size()) {
                throw new ErrnoException(
                        Errno.EINVAL, name(bar) + " had " + saved.number("size") + " bytes, and now has " + bar.size());
            }
            Objects.requireNonNull(regions[bar.index()]).restore(saved);
        }
    }

    private static String name(Bar bar) {
        return "bar" + bar.index();
    }

    /** As {@link StatefulDevice#resume}. */
    public void resume() throws ErrnoException {
        stopped = false;
        bus.settle();
        tellBusMaster();
        interrupts.resume();
        for (Region region : regions) {
            if (region != null) {
                region.resume();
            }
        }
    }

    /** Whether the guest lets the device read and write its memory and send messages: Bus Master Enable in COMMAND. */
    public final boolean busMaster() {
        return config.has(Header.COMMAND, Header.COMMAND_MASTER);
    }

    /** Acts on a change of configuration space. */
    private void settle() {
        if (stopped) {
            return;
        }
        bus.settle();
        tellBusMaster();
        interrupts.update();
    }

    /** Notifies the regions of each change, one after the other, also if several threads cause them. */
    private void tellBusMaster() {
        if (changes.getAndIncrement() != 0) {
            return;
        }
        try {
            for (int seen = 1; seen != 0; seen = changes.addAndGet(-seen)) {
                boolean enabled = busMaster();
                if (enabled != told) {
                    told = enabled;
                    tellBusMaster(enabled);
                }
            }
        } catch (RuntimeException | Error e) {
            changes.set(0);
            throw e;
        }
    }

    private void tellBusMaster(boolean enabled) {
        for (Region region : regions) {
            if (region != null) {
                region.busMaster(enabled);
            }
        }
    }

    private int live(int at) {
        return interrupts.live(at);
    }

    /**
     * The region of a valid range. {@code offset > size - length} cannot overflow, {@code offset + length} could.
     */
    private Region region(int index, long offset, int length) throws ErrnoException {
        Region region = index < 0 || index >= regions.length ? null : regions[index];
        if (region == null || offset < 0 || length < 0 || offset > sizes[index] - length) {
            throw new ErrnoException(Errno.EINVAL);
        }
        return region;
    }

    private RegionIoEvents ioEvents(int index) throws ErrnoException {
        if (index < 0 || index >= regions.length) {
            throw new ErrnoException(Errno.EINVAL);
        }
        Region region = regions[index];
        return new RegionIoEvents(region == null ? List.of() : region.ioEvents());
    }

    private RegionInfo regionInfo(int index) throws ErrnoException {
        if (index < 0 || index >= regions.length) {
            throw new ErrnoException(Errno.EINVAL);
        }
        Region region = regions[index];
        // Absent regions are read-write with size 0, as in the kernel's sample.
        int flags = RegionInfo.READ | (region instanceof Rom ? 0 : RegionInfo.WRITE);
        List<Area> areas = region == null ? List.of() : region.mappable();
        if (areas.isEmpty()) {
            return new RegionInfo(index, flags, sizes[index]);
        }
        flags |= RegionInfo.MMAP;
        if (areas.equals(List.of(new Area(0, sizes[index])))) {
            return new RegionInfo(index, flags, sizes[index]);
        }
        return new RegionInfo(index, flags | RegionInfo.CAPS, sizes[index], List.of(new SparseMmap(areas)));
    }

    private IrqInfo irqInfo(int index) throws ErrnoException {
        int count = switch (index) {
            case VfioPci.INTX_IRQ -> function.pin() == PciFunction.Pin.NONE ? 0 : 1;
            case VfioPci.MSI_IRQ -> function.msiVectors();
            case VfioPci.MSIX_IRQ -> function.msixVectors();
            case VfioPci.REQ_IRQ -> 1;
            default -> 0;
        };
        if (count == 0) {
            throw new ErrnoException(Errno.EINVAL);
        }
        int flags = switch (index) {
            case VfioPci.INTX_IRQ -> IrqInfo.MASKABLE | IrqInfo.AUTOMASKED;
            case VfioPci.MSI_IRQ -> IrqInfo.NORESIZE | (function.msi() == null ? 0 : IrqInfo.MASKABLE);
            case VfioPci.MSIX_IRQ -> IrqInfo.NORESIZE | IrqInfo.MASKABLE;
            default -> IrqInfo.NORESIZE;
        };
        return new IrqInfo(index, IrqInfo.EVENTFD | flags, count);
    }
}
