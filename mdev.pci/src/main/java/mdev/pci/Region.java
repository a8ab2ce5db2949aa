package mdev.pci;

import java.lang.foreign.MemorySegment;

/**
 * What answers in a region of a device. The place is inside the region: {@link PciDevice} has checked it. Calls come from
 * any number of threads at once; they take part in the access path, so they allocate nothing and do not block.
 */
public interface Region {
    /**
     * Reads.
     *
     * @param offset in the region
     * @param data where to put the bytes; not to be kept
     * @param dataOffset the place of the first byte in {@code data}
     * @param length how many bytes, at least 1
     */
    void read(long offset, MemorySegment data, long dataOffset, int length);

    /** Writes; parameters as for {@link #read}. */
    void write(long offset, MemorySegment data, long dataOffset, int length);

    /** Back to the state after power-on. */
    default void reset() {}
}
