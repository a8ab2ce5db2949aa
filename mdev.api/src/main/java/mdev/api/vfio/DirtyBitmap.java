package mdev.api.vfio;

import java.lang.foreign.MemorySegment;

/**
 * {@code struct vfio_bitmap}: where to report written pages. Bit {@code n} of the little-endian bitmap stands for the page at
 * {@code iova + n * pgsize} of the range that is asked for; the call sets and clears every bit of the range.
 *
 * @param pgsize the page size of a bit in bytes; 4096 is what is tracked
 * @param data the bitmap; at least one bit per page, in whole 64-bit words
 */
public record DirtyBitmap(long pgsize, MemorySegment data) {
    /** How many bytes the bitmap of a range takes. */
    public static long bytes(long pages) {
        return (pages + 63) / 64 * Long.BYTES;
    }
}
