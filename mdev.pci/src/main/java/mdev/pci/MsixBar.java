package mdev.pci;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import mdev.api.errno.ErrnoException;
import mdev.api.state.DeviceState;
import mdev.api.vfio.IoEvent;
import mdev.api.vfio.RegionCapability.Area;
import mdev.api.vfio.VfioContext;
import mdev.device.Region;

/**
 * A BAR with the MSI-X table or pending bit array: the toolkit handles accesses to them, the vendor all others.
 */
final class MsixBar implements Region {
    /** A part of the BAR; offsets in its region are relative to {@code base}. */
    record Part(long begin, long end, Region region, long base) {
        /** One of the MSI-X structures. */
        static Part of(long begin, long size, Region structure) {
            return new Part(begin, begin + size, structure, begin);
        }

        boolean overlaps(long from, long to) {
            return begin < to && from < end;
        }
    }

    private final Region vendor;

    /** Covers the BAR, in ascending order. */
    private final Part[] parts;

    /**
     * @param size of the BAR
     * @throws IllegalArgumentException a structure lies in a mappable part, where the user could write to it unseen
     */
    MsixBar(Region vendor, long size, List<Part> structures) {
        List<Part> made = new ArrayList<>();
        long last = 0;
        for (Part structure : structures.stream()
                .sorted(Comparator.comparingLong(Part::begin))
                .toList()) {
            made.add(new Part(last, structure.begin, vendor, 0));
            made.add(structure);
            last = structure.end;
        }
        made.add(new Part(last, size, vendor, 0));
        for (Area area : vendor.mappable()) {
            if (structures.stream().anyMatch(part -> part.overlaps(area.offset(), area.offset() + area.size()))) {
                throw new IllegalArgumentException(
                        "MSI-X table or pending bits lie in memory that can be mapped: " + area);
            }
        }
        this.vendor = vendor;
        this.parts = made.toArray(Part[]::new);
    }

    private Part at(long offset) {
        int i = 0;
        while (offset >= parts[i].end) {
            i++;
        }
        return parts[i];
    }

    @Override
    public void read(long offset, MemorySegment data, long dataOffset, int length) throws ErrnoException {
        for (int done = 0, size; done < length; done += size) {
            Part part = at(offset + done);
            size = (int) Math.min(length - done, part.end - offset - done);
            part.region.read(offset + done - part.base, data, dataOffset + done, size);
        }
    }

    @Override
    public void write(long offset, MemorySegment data, long dataOffset, int length) throws ErrnoException {
        for (int done = 0, size; done < length; done += size) {
            Part part = at(offset + done);
            size = (int) Math.min(length - done, part.end - offset - done);
            part.region.write(offset + done - part.base, data, dataOffset + done, size);
        }
    }

    @Override
    public void reset() {
        vendor.reset();
    }

    @Override
    public void open(VfioContext context) throws ErrnoException {
        vendor.open(context);
    }

    @Override
    public void release() {
        vendor.release();
    }

    @Override
    public void quiesce() throws ErrnoException {
        vendor.quiesce();
    }

    @Override
    public void unquiesce() throws ErrnoException {
        vendor.unquiesce();
    }

    @Override
    public void stop() throws ErrnoException {
        vendor.stop();
    }

    @Override
    public DeviceState save() throws ErrnoException {
        return vendor.save();
    }

    @Override
    public void restore(DeviceState state) throws ErrnoException {
        vendor.restore(state);
    }

    @Override
    public void resume() throws ErrnoException {
        vendor.resume();
    }

    @Override
    public List<IoEvent> ioEvents() {
        return vendor.ioEvents();
    }

    @Override
    public List<Area> mappable() {
        return vendor.mappable();
    }
}
