package mdev.api.vfio;

import java.lang.foreign.MemorySegment;

/**
 * {@code struct vfio_bitmap}: receives the report of written pages. Bit {@code n} of the little-endian bitmap stands
 * for the page at {@code iova + n * pgsize} of the requested range; the call sets or clears every bit of the range.
 *
 * @param pgsize the page size of a bit in bytes; pages of 4096 bytes are tracked
 * @param data the bitmap; at least one bit per page, in whole 64-bit words
 */
public record DirtyBitmap(long pgsize, MemorySegment data) {
    /** The size in bytes of a bitmap for {@code pages} pages. */
    public static long bytes(long pages) {
        return (pages + 63) / 64 * Long.BYTES;
    }
}
