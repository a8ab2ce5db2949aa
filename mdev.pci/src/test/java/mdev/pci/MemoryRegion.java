package mdev.pci;

import java.lang.foreign.MemorySegment;
import mdev.device.Region;

/** A region that is plain memory. */
record MemoryRegion(MemorySegment memory) implements Region {
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
        memory.fill((byte) 0);
    }
}
