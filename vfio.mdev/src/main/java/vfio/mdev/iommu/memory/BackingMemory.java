package vfio.mdev.iommu.memory;

import java.lang.foreign.MemorySegment;
import mdev.api.errno.ErrnoException;
import org.jspecify.annotations.Nullable;

/** The open memory behind a mapping. Any thread, several at once; closed once, when no call is inside. */
public sealed interface BackingMemory permits MappedMemory, FileMemory, LocalMemory, RemoteMemory {
    /** What identifies the bytes, however they were opened. */
    Location location();

    /** The bytes themselves, where this process has them; null where they cannot be pinned. */
    @Nullable
    MemorySegment bytes();

    /**
     * Reads.
     *
     * @param at the first byte, from the begin of this memory; it and all that follow are inside
     */
    void read(long at, MemorySegment to, long offset, long length) throws ErrnoException;

    /** Writes; parameters as for {@link #read}. */
    void write(long at, MemorySegment from, long offset, long length) throws ErrnoException;

    void close();
}
