package mdev.pci;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import mdev.api.errno.ErrnoException;
import mdev.api.state.DeviceState;
import mdev.api.state.StatefulDevice;
import mdev.api.vfio.DeviceInfo;
import mdev.api.vfio.IoEvent;
import mdev.api.vfio.IrqInfo;
import mdev.api.vfio.VfioContext;
import mdev.api.vfio.VfioPci;
import mdev.device.Region;
import mdev.device.RegionDevice;

/**
 * A PCI device: configuration space, interrupts and bus mastering in addition to {@link RegionDevice}. A vendor
 * supplies a {@link PciFunction} and a {@link Region} for each BAR; an access of its regions to memory fails with
 * EACCES while Bus Master Enable is clear.
 *
 * <p>An access takes no lock and allocates nothing in this class; regions guard their own state.
 */
public class PciDevice extends RegionDevice {
    private final PciFunction function;
    private final ConfigSpace config;
    private final BusMaster bus;
    private final Interrupts interrupts;
    private final List<BusMasterRegion> masters;

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
    @SuppressWarnings("this-escape") // no region is called before the device is made
    protected PciDevice(PciFunction function, Function<Interrupts, List<? extends Region>> regions) {
        super(DeviceInfo.PCI, VfioPci.NUM_REGIONS, VfioPci.NUM_IRQS);
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
            region.ioEvents().forEach(event -> check(event, bar, structures));
            region(
                    bar.index(),
                    bar.size(),
                    structures.isEmpty() ? region : new MsixBar(region, bar.size(), structures));
        }
        masters = made.stream()
                .filter(BusMasterRegion.class::isInstance)
                .map(BusMasterRegion.class::cast)
                .toList();
        byte[] rom = function.rom();
        if (rom != null) {
            region(VfioPci.ROM_REGION, rom.length, new Rom(MemorySegment.ofArray(rom)));
        }
        region(VfioPci.CONFIG_REGION, function.configSize(), new ConfigRegion());
        irqs();
    }

    private static void check(IoEvent event, Bar bar, List<MsixBar.Part> structures) {
        long end = event.offset() + event.size();
        if (bar.space() == Bar.Space.IO || structures.stream().anyMatch(part -> part.overlaps(event.offset(), end))) {
            throw new IllegalArgumentException(
                    "BAR%d cannot have %s: only memory that is not MSI-X's can".formatted(bar.index(), event));
        }
    }

    private void irqs() {
        if (function.pin() != PciFunction.Pin.NONE) {
            irq(VfioPci.INTX_IRQ, IrqInfo.MASKABLE | IrqInfo.AUTOMASKED, 1);
        }
        if (function.msiVectors() > 0) {
            int maskable = function.msi() == null ? 0 : IrqInfo.MASKABLE;
            irq(VfioPci.MSI_IRQ, IrqInfo.NORESIZE | maskable, function.msiVectors());
        }
        if (function.msixVectors() > 0) {
            irq(VfioPci.MSIX_IRQ, IrqInfo.NORESIZE | IrqInfo.MASKABLE, function.msixVectors());
        }
        irq(VfioPci.REQ_IRQ, IrqInfo.NORESIZE, 1);
    }

    /** Configuration space; {@link #reset()} resets it. */
    private final class ConfigRegion implements Region {
        @Override
        public void read(long offset, MemorySegment data, long dataOffset, int length) {
            config.read(offset, data, dataOffset, length);
        }

        @Override
        public void write(long offset, MemorySegment data, long dataOffset, int length) throws ErrnoException {
            config.write(offset, data, dataOffset, length);
            if (startsReset(offset, data, dataOffset, length)) {
                PciDevice.this.reset();
            } else {
                settle();
            }
            configWritten((int) offset, length);
        }
    }

    @Override
    public void open(VfioContext context) throws ErrnoException {
        super.open(new BusMasterContext(context, bus, interrupts));
        interrupts.open(context);
    }

    @Override
    public void release() {
        interrupts.release();
        super.release();
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

    /**
     * Resets all regions to power-on: configuration space first, so that accesses to the guest's memory have ended
     * before the other regions are reset. The user's interrupts stay armed.
     */
    @Override
    protected final void reset() {
        config.reset();
        settle();
        super.reset();
        interrupts.reset();
        interrupts.update();
    }

    /** As {@link StatefulDevice#stop}; a device that implements that interface inherits its methods from here. */
    @Override
    public void stop() throws ErrnoException {
        super.stop();
        interrupts.stop();
        stopped = true;
    }

    /** As {@link StatefulDevice#save}: configuration space, interrupts, and the states of the regions. */
    @Override
    public DeviceState save() throws ErrnoException {
        DeviceState state = emptyState().with("config", config.bytes()).with("interrupts", interrupts.save());
        for (Bar bar : function.bars()) {
            state = save(state, name(bar), bar.index());
        }
        return state;
    }

    /**
     * As {@link StatefulDevice#restore}.
     *
     * @throws ErrnoException EINVAL: a BAR is missing or has another size, or a field is missing or invalid
     */
    @Override
    public void restore(DeviceState state) throws ErrnoException {
        stopped = true;
        config.restore(state.bytes("config"));
        interrupts.restore(state.section("interrupts"));
        for (Bar bar : function.bars()) {
            restore(state, name(bar), bar.index());
        }
    }

    private static String name(Bar bar) {
        return "bar" + bar.index();
    }

    /** As {@link StatefulDevice#resume}. */
    @Override
    public void resume() throws ErrnoException {
        stopped = false;
        bus.settle();
        tellBusMaster();
        interrupts.resume();
        super.resume();
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
        masters.forEach(region -> region.busMaster(enabled));
    }

    private int live(int at) {
        return interrupts.live(at);
    }
}
