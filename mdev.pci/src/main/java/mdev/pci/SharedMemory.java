package mdev.pci;

import java.lang.foreign.MemorySegment;
import java.util.List;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.DmaAccess;
import mdev.api.vfio.RegionCapability.Area;
import mdev.api.vfio.VfioContext;
import org.jspecify.annotations.Nullable;

/**
 * A BAR that is memory of the framework, which the user maps and accesses without messages. The vendor can access it
 * while the device is open.
 *
 * <p>Each user gets memory of its own, filled with zeroes. {@link #reset()} clears it and frees its pages.
 */
public final class SharedMemory implements Region {
    private final Bar bar;
    private final List<Area> mappable;

    /** Null unless the device is open. Set by open and release, which alternate. */
    private volatile @Nullable VfioContext user;

    /** Empty unless the device is open. Set by open and release, which alternate. */
    private volatile MemorySegment memory = MemorySegment.NULL;

    /** A BAR that the user can map as a whole. */
    public SharedMemory(Bar bar) {
        this(bar, List.of(new Area(0, bar.size())));
    }

    /**
     * @param bar a memory BAR of at least a page
     * @param mappable the parts that the user can map; accesses to the others are messages, and reach the same memory
     * @throws IllegalArgumentException the BAR is I/O or too small, or the parts are not page aligned, in order and
     *     inside
     */
    public SharedMemory(Bar bar, List<Area> mappable) {
        if (bar.space() == Bar.Space.IO || bar.size() < DmaAccess.PAGE_SIZE) {
            throw new IllegalArgumentException("BAR" + bar.index() + " cannot be mapped: it is no page of memory");
        }
        long end = 0;
        for (Area area : mappable) {
            if (area.offset() < end
                    || area.size() <= 0
                    || (area.offset() | area.size()) % DmaAccess.PAGE_SIZE != 0
                    || area.size() > bar.size() - area.offset()) {
                throw new IllegalArgumentException("BAR%d of %d bytes cannot be mapped at %d for %d bytes"
                        .formatted(bar.index(), bar.size(), area.offset(), area.size()));
            }
            end = area.offset() + area.size();
        }
        this.bar = bar;
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
        memory = context.regionMemory(bar.index(), bar.size());
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
            lender.clearRegionMemory(bar.index());
        } catch (ErrnoException e) {
            memory.fill((byte) 0); // allocates every page, but no old content may remain
        }
    }
}
