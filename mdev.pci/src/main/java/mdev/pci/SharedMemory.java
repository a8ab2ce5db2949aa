package mdev.pci;

import java.lang.foreign.MemorySegment;
import java.util.List;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.DmaAccess;
import mdev.api.vfio.RegionCapability.Area;
import mdev.api.vfio.VfioContext;
import org.jspecify.annotations.Nullable;

/**
 * A BAR that is memory of the framework, which the user maps: his accesses to it are nobody's message. The vendor has
 * it while a user does.
 *
 * <p>Each user gets memory of his own, which begins as zeroes; {@link #reset()} clears it, and gives its pages back.
 */
public final class SharedMemory implements Region {
    private final Bar bar;
    private final List<Area> mappable;

    /** Of the open device, else null. Set by open and release, which alternate. */
    private volatile @Nullable VfioContext user;

    /** Of the open device, else empty. Set by open and release, which alternate. */
    private volatile MemorySegment memory = MemorySegment.NULL;

    /** A BAR that can be mapped as a whole. */
    public SharedMemory(Bar bar) {
        this(bar, List.of(new Area(0, bar.size())));
    }

    /**
     * @param bar memory of at least a page
     * @param mappable the parts that the user can map; he reads and writes the others by messages, into the same memory
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
     * The memory; empty without a user. Who takes part in no access must expect an IllegalStateException: the user may
     * go at any moment.
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
            return; // the next user's is zeroes
        }
        try {
            lender.clearRegionMemory(bar.index());
        } catch (ErrnoException e) {
            memory.fill((byte) 0); // it makes each page take memory, but nothing of what was there may stay
        }
    }
}
