package mdev.device;

import java.lang.foreign.MemorySegment;
import java.util.List;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.DmaAccess;
import mdev.api.vfio.RegionCapability.Area;
import mdev.api.vfio.VfioContext;
import org.jspecify.annotations.Nullable;

/**
 * A region that is memory of the framework, which the user maps and accesses without messages. The vendor can access it
 * while the device is open.
 *
 * <p>Each user gets memory of its own, filled with zeroes. {@link #reset()} clears it and frees its pages.
 */
public final class SharedMemory implements Region {
    private final int index;
    private final long size;
    private final List<Area> mappable;

    /** Null unless the device is open. Set by open and release, which alternate. */
    private volatile @Nullable VfioContext user;

    /** Empty unless the device is open. Set by open and release, which alternate. */
    private volatile MemorySegment memory = MemorySegment.NULL;

    /** A region that the user can map as a whole; parameters as below. */
    public SharedMemory(int index, long size) {
        this(index, size, List.of(new Area(0, size)));
    }

    /**
     * @param index the region
     * @param size in bytes, at least a page
     * @param mappable the parts that the user can map; accesses to the others are messages, and reach the same memory
     * @throws IllegalArgumentException the region is too small, or the parts are not page aligned, in order and inside
     */
    public SharedMemory(int index, long size, List<Area> mappable) {
        if (size < DmaAccess.PAGE_SIZE) {
            throw new IllegalArgumentException("region " + index + " of " + size + " bytes cannot be mapped: no page");
        }
        long end = 0;
        for (Area area : mappable) {
            if (area.offset() < end
                    || area.size() <= 0
                    || (area.offset() | area.size()) % DmaAccess.PAGE_SIZE != 0
                    || area.size() > size - area.offset()) {
                throw new IllegalArgumentException("region %d of %d bytes cannot be mapped at %d for %d bytes"
                        .formatted(index, size, area.offset(), area.size()));
            }
            end = area.offset() + area.size();
        }
        this.index = index;
        this.size = size;
        this.mappable = List.copyOf(mappable);
    }

    /**
     * The memory; empty unless the device is open. A thread outside an access must expect an IllegalStateException, as
     * the user may close the device at any time.
     */
    public MemorySegment memory() {
        return memory;
    }

    @Override
    public List<Area> mappable() {
        return mappable;
    }

    @Override
    public void open(VfioContext context) throws ErrnoException {
        memory = context.regionMemory(index, size);
        user = context;
    }

    @Override
    public void release() {
        user = null;
        memory = MemorySegment.NULL;
    }

    @Override
    public void read(long offset, MemorySegment data, long dataOffset, int length) {
        MemorySegment.copy(memory, offset, data, dataOffset, length);
    }

    @Override
    public void write(long offset, MemorySegment data, long dataOffset, int length) {
        MemorySegment.copy(data, dataOffset, memory, offset, length);
    }

    @Override
    public void reset() {
        VfioContext lender = user;
        if (lender == null) {
            return; // the next user gets zeroes
        }
        try {
            lender.clearRegionMemory(index);
        } catch (ErrnoException e) {
            memory.fill((byte) 0); // allocates every page, but no old content may remain
        }
    }
}
