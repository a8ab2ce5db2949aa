package mdev.pci;

import java.lang.foreign.MemorySegment;
import mdev.device.Region;

/** The region of the ROM's BAR. */
record Rom(MemorySegment image) implements Region {
    @Override
    public void read(long offset, MemorySegment data, long dataOffset, int length) {
        MemorySegment.copy(image, offset, data, dataOffset, length);
    }

    @Override
    public void write(long offset, MemorySegment data, long dataOffset, int length) {
        throw new IllegalStateException("not writable");
    }

    @Override
    public boolean writable() {
        return false;
    }
}
