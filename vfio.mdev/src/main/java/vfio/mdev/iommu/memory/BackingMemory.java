package vfio.mdev.iommu.memory;

import java.lang.foreign.MemorySegment;
import mdev.api.errno.ErrnoException;
import org.jspecify.annotations.Nullable;

/** The open memory behind a mapping. Thread-safe; closed once, when no call is running. */
public sealed interface BackingMemory permits SegmentMemory, FileMemory, RemoteMemory {
    /** Identifies the bytes independently of how they were opened. */
    Location location();

    /** The bytes, if they are in this process; null if they cannot be pinned. */
    default @Nullable MemorySegment bytes() {
        return null;
    }

    /**
     * Reads.
     *
     * @param at the offset of the first byte; the whole range lies in this memory
     */
    void read(long at, MemorySegment to, long offset, long length) throws ErrnoException;

    /** Writes; parameters as for {@link #read}. */
    void write(long at, MemorySegment from, long offset, long length) throws ErrnoException;

    default void close() {}
}
