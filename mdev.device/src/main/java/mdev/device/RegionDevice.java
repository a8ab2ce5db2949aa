package mdev.device;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
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
import mdev.api.vfio.IoctlReply;
import mdev.api.vfio.IoctlRequest;
import mdev.api.vfio.IrqInfo;
import mdev.api.vfio.RegionCapability;
import mdev.api.vfio.RegionCapability.Area;
import mdev.api.vfio.RegionCapability.SparseMmap;
import mdev.api.vfio.RegionInfo;
import mdev.api.vfio.RegionIoEvents;
import mdev.api.vfio.Reset;
import mdev.api.vfio.VfioContext;
import org.jspecify.annotations.Nullable;

/**
 * A device of any bus: its constructor declares regions and interrupts, and this class answers the queries, checks each
 * access, and passes opens, resets and states on to the regions.
 *
 * <p>An access takes no lock and allocates nothing in this class; regions guard their own state.
 */
public abstract class RegionDevice implements DeviceOps {
    private final DeviceInfo info;
    private final @Nullable Region[] regions;
    private final long[] sizes;
    private final RegionInfo[] infos;
    private final @Nullable IrqInfo[] irqs;

    /**
     * @param api the flag of {@link DeviceInfo} for the device's API
     * @param numRegions the number of regions; one that is not declared has size 0
     * @param numIrqs the number of kinds of interrupt; one that is not declared is absent
     */
    protected RegionDevice(int api, int numRegions, int numIrqs) {
        info = new DeviceInfo(api | DeviceInfo.RESET, numRegions, numIrqs);
        regions = new @Nullable Region[numRegions];
        sizes = new long[numRegions];
        infos = new RegionInfo[numRegions];
        // Absent regions are read-write, as in the kernel's sample.
        Arrays.setAll(infos, index -> new RegionInfo(index, RegionInfo.READ | RegionInfo.WRITE, 0));
        irqs = new @Nullable IrqInfo[numIrqs];
    }

    /**
     * Declares a region; only in the constructor. Regions are opened and stopped from the first index to the last, and
     * reset in the opposite order: an engine stops before the memory that it works on is cleared, if its index is
     * higher.
     *
     * @param size in bytes
     * @param capabilities for example {@link RegionCapability.Type}, without {@link SparseMmap}, which follows from
     *     {@link Region#mappable()}
     * @throws IllegalArgumentException a doorbell of the region is outside of it, or in a mappable part
     */
    protected final void region(int index, long size, Region region, RegionCapability... capabilities) {
        List<Area> areas = region.mappable();
        if (region.ioEvents().stream().anyMatch(event -> {
            long end = event.offset() + event.size();
            return end > size
                    || areas.stream()
                            .anyMatch(area -> area.offset() < end && event.offset() < area.offset() + area.size());
        })) {
            throw new IllegalArgumentException("a doorbell of region " + index + " is not inside or can be mapped");
        }
        List<RegionCapability> chain = new ArrayList<>(List.of(capabilities));
        int flags = RegionInfo.READ | (region.writable() ? RegionInfo.WRITE : 0);
        if (!areas.isEmpty()) {
            flags |= RegionInfo.MMAP;
            if (!areas.equals(List.of(new Area(0, size)))) {
                chain.add(new SparseMmap(areas));
            }
        }
        infos[index] = new RegionInfo(index, chain.isEmpty() ? flags : flags | RegionInfo.CAPS, size, chain);
        sizes[index] = size;
        regions[index] = region;
    }

    /**
     * Declares a kind of interrupt; only in the constructor.
     *
     * @param flags of {@link IrqInfo}, in addition to {@link IrqInfo#EVENTFD}
     * @param count at least 1
     */
    protected final void irq(int index, int flags, int count) {
        irqs[index] = new IrqInfo(index, IrqInfo.EVENTFD | flags, count);
    }

    @Override
    public void open(VfioContext context) throws ErrnoException {
        try {
            for (Region region : regions) {
                if (region != null) {
                    region.open(context);
                }
            }
        } catch (ErrnoException | RuntimeException e) {
            releaseRegions();
            throw e;
        }
    }

    @Override
    public void release() {
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
        at(region, offset, length).read(offset, data, dataOffset, length);
    }

    @Override
    public final void write(int region, long offset, MemorySegment data, long dataOffset, int length)
            throws ErrnoException {
        Region written = at(region, offset, length);
        if ((infos[region].flags() & RegionInfo.WRITE) == 0) {
            throw new ErrnoException(Errno.EINVAL, "region " + region + " cannot be written");
        }
        written.write(offset, data, dataOffset, length);
    }

    /**
     * The region of a valid range. {@code offset > size - length} cannot overflow, {@code offset + length} could.
     */
    private Region at(int index, long offset, int length) throws ErrnoException {
        Region region = index < 0 || index >= regions.length ? null : regions[index];
        if (region == null || offset < 0 || length < 0 || offset > sizes[index] - length) {
            throw new ErrnoException(Errno.EINVAL);
        }
        return region;
    }

    @Override
    public IoctlReply ioctl(IoctlRequest request) throws ErrnoException {
        return switch (request) {
            case GetInfo() -> info;
            case GetRegionInfo(int index) -> infos[checked(index, infos.length)];
            case GetRegionIoEvents(int index) -> {
                Region region = regions[checked(index, regions.length)];
                yield new RegionIoEvents(region == null ? List.of() : region.ioEvents());
            }
            case GetIrqInfo(int index) -> {
                IrqInfo irq = irqs[checked(index, irqs.length)];
                if (irq == null) {
                    throw new ErrnoException(Errno.EINVAL);
                }
                yield irq;
            }
            case Reset() -> {
                reset();
                yield IoctlReply.DONE;
            }
            default -> throw new ErrnoException(Errno.ENOTTY);
        };
    }

    private static int checked(int index, int count) throws ErrnoException {
        if (index < 0 || index >= count) {
            throw new ErrnoException(Errno.EINVAL);
        }
        return index;
    }

    /** Resets all regions to power-on; the user's interrupts stay armed. */
    protected void reset() {
        for (Region region : Arrays.asList(regions).reversed()) {
            if (region != null) {
                region.reset();
            }
        }
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
    }

    /** As {@link StatefulDevice#save}: the states of all regions. */
    public DeviceState save() throws ErrnoException {
        DeviceState state = emptyState();
        for (int index = 0; index < regions.length; index++) {
            state = save(state, name(index), index);
        }
        return state;
    }

    /** A state without fields, of the version of the device's states. */
    protected final DeviceState emptyState() {
        return DeviceState.version(this instanceof StatefulDevice device ? device.stateVersion() : 1);
    }

    /** Adds the state of a region, if there is one, as a section. */
    protected final DeviceState save(DeviceState state, String name, int index) throws ErrnoException {
        Region region = regions[index];
        return region == null ? state : state.with(name, region.save().with("size", sizes[index]));
    }

    /**
     * As {@link StatefulDevice#restore}.
     *
     * @throws ErrnoException EINVAL: a region is missing or has another size, or a field is missing or invalid
     */
    public void restore(DeviceState state) throws ErrnoException {
        for (int index = 0; index < regions.length; index++) {
            restore(state, name(index), index);
        }
    }

    /** Restores what {@link #save(DeviceState, String, int)} has added; errors as for {@link #restore}. */
    protected final void restore(DeviceState state, String name, int index) throws ErrnoException {
        Region region = regions[index];
        if (region == null) {
            return;
        }
        DeviceState saved = state.section(name);
        if (saved.number("size") != sizes[index]) {
            throw new ErrnoException(
                    Errno.EINVAL, name + " had " + saved.number("size") + " bytes, and now has " + sizes[index]);
        }
        region.restore(saved);
    }

    private static String name(int index) {
        return "region" + index;
    }

    /** As {@link StatefulDevice#resume}. */
    public void resume() throws ErrnoException {
        for (Region region : regions) {
            if (region != null) {
                region.resume();
            }
        }
    }
}
