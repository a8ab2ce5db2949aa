package mdev.pci;

import java.lang.foreign.MemorySegment;

/** The region of the ROM's BAR; {@link PciDevice} rejects writes. */
record Rom(MemorySegment image) implements Region {
    @Override
    public void read(long offset, MemorySegment data, long dataOffset, int length) {
        MemorySegment.copy(image, offset, data, dataOffset, length);
    }

    @Override
    public void write(long offset, MemorySegment data, long dataOffset, int length) {}
}
