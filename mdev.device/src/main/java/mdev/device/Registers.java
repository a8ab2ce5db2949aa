package mdev.device;

import java.lang.foreign.MemorySegment;

/**
 * A region of little-endian registers, which receives naturally aligned accesses only.
 *
 * <p>An access of the user is split, from its first byte on, into pieces; each piece is the largest power of two, at
 * most {@link #width()}, that is aligned and fits. With the default width this matches the kernel's sample
 * ({@code mtty_read()} in samples/vfio-mdev/mtty.c): 7 bytes at 1 become 1 at 1, 2 at 2 and 4 at 4.
 */
public interface Registers extends Region {
    /**
     * Reads a register.
     *
     * @param offset in the region, a multiple of {@code size}
     * @param size 1, 2, 4 or 8
     * @return the value; only the lowest {@code size} bytes count
     */
    long read(long offset, int size);

    /** Writes a register; {@code value} is zero-extended, the rest as for {@link #read(long, int)}. */
    void write(long offset, int size, long value);

    /** The widest access that the registers accept: 1, 2, 4 or 8. */
    default int width() {
        return 4;
    }

    @Override
    default void read(long offset, MemorySegment data, long dataOffset, int length) {
        for (int done = 0, size; done < length; done += size) {
            size = piece(offset + done, length - done);
            LittleEndian.put(data, dataOffset + done, size, read(offset + done, size));
        }
    }

    @Override
    default void write(long offset, MemorySegment data, long dataOffset, int length) {
        for (int done = 0, size; done < length; done += size) {
            size = piece(offset + done, length - done);
            write(offset + done, size, LittleEndian.get(data, dataOffset + done, size));
        }
    }

    private int piece(long offset, int left) {
        int size = width();
        while (size > left || (offset & (size - 1)) != 0) {
            size >>= 1;
        }
        return size;
    }
}
