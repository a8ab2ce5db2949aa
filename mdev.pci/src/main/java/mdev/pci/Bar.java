package mdev.pci;

import java.util.List;
import mdev.api.vfio.RegionCapability.Area;
import mdev.device.SharedMemory;

/**
 * A base address register and the range that it decodes (PCI Local Bus 3.0, 6.2.5.1).
 *
 * @param index 0 to 5; a 64-bit BAR takes the next index too
 * @param space I/O or memory, and the width of the address
 * @param prefetchable reads have no side effect; memory only
 * @param size in bytes: a power of two, at least 4 for I/O and 16 for memory, at most 2 GiB below 64 bit
 */
public record Bar(int index, Space space, boolean prefetchable, long size) {
    /** The address space of a BAR. */
    public enum Space {
        IO(0x1, 4),
        MEMORY_32(0x0, 16),
        MEMORY_64(0x4, 16);

        final int flags;
        final long smallest;

        Space(int flags, long smallest) {
            this.flags = flags;
            this.smallest = smallest;
        }
    }

    private static final int PREFETCHABLE = 0x8;

    public Bar {
        int last = space == Space.MEMORY_64 ? 4 : 5;
        if (index < 0 || index > last) {
            throw new IllegalArgumentException("BAR" + index + " of " + space + ": the index goes from 0 to " + last);
        }
        long largest = space == Space.MEMORY_64 ? 1L << 62 : 1L << 31;
        if (Long.bitCount(size) != 1 || size < space.smallest || size > largest) {
            throw new IllegalArgumentException("BAR" + index + " of " + size + " bytes: a power of two from "
                    + space.smallest + " to " + largest + " is right for " + space);
        }
        if (prefetchable && space == Space.IO) {
            throw new IllegalArgumentException("BAR" + index + ": I/O space cannot be prefetched");
        }
    }

    public static Bar io(int index, long size) {
        return new Bar(index, Space.IO, false, size);
    }

    public static Bar memory(int index, long size) {
        return new Bar(index, Space.MEMORY_32, false, size);
    }

    public static Bar memory64(int index, long size) {
        return new Bar(index, Space.MEMORY_64, false, size);
    }

    /** Memory of the framework for a memory BAR of at least a page, which the user can map as a whole. */
    public SharedMemory sharedMemory() {
        return sharedMemory(List.of(new Area(0, size)));
    }

    /**
     * Memory that the user can map in parts, as in {@link SharedMemory#SharedMemory(int, long, List)}.
     *
     * @throws IllegalArgumentException the BAR is I/O, or as there
     */
    public SharedMemory sharedMemory(List<Area> mappable) {
        if (space == Space.IO) {
            throw new IllegalArgumentException("BAR" + index + " cannot be mapped: it is I/O space");
        }
        return new SharedMemory(index, size, mappable);
    }

    /** The same BAR as prefetchable memory. */
    public Bar prefetched() {
        return new Bar(index, space, true, size);
    }

    /** The read-only low bits of the register. */
    int flags() {
        return space.flags | (prefetchable ? PREFETCHABLE : 0);
    }

    /** The offset of the register in configuration space. */
    int register() {
        return Header.BASE_ADDRESS_0 + Integer.BYTES * index;
    }
}
