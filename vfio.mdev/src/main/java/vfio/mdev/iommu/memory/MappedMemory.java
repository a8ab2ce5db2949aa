package vfio.mdev.iommu.memory;

import java.lang.foreign.MemorySegment;

/**
 * A mapped part of a file that cannot be truncated. Copied only by Java code: if a page were missing after all, native
 * code would crash the process.
 */
record MappedMemory(Location location, MemorySegment bytes, FilePool.Use use) implements BackingMemory {
    @Override
    public void read(long at, MemorySegment to, long offset, long length) {
        MemorySegment.copy(bytes, at, to, offset, length);
    }

    @Override
    public void write(long at, MemorySegment from, long offset, long length) {
        MemorySegment.copy(from, offset, bytes, at, length);
    }

    @Override
    public void close() {
        use.close();
    }
}
