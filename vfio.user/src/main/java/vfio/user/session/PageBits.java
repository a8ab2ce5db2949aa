package vfio.user.session;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * Converts a page bitmap to another page size: a client may request the log with larger or smaller pages than are
 * tracked ({@code DMA_LOGGING_REPORT} in the specification). Sizes are powers of two.
 */
final class PageBits {
    private static final ValueLayout.OfLong WORD = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private PageBits() {}

    /** Sets the bits of all pages of {@code to} that overlap a page of {@code from}. */
    static void add(MemorySegment from, long fromSize, MemorySegment to, long toSize) {
        for (long word = 0; word < from.byteSize() / Long.BYTES; word++) {
            for (long bits = from.get(WORD, word * Long.BYTES); bits != 0; bits &= bits - 1) {
                long first = (word * Long.SIZE + Long.numberOfTrailingZeros(bits)) * fromSize;
                for (long page = first / toSize; page <= (first + fromSize - 1) / toSize; page++) {
                    long at = page / Long.SIZE * Long.BYTES;
                    to.set(WORD, at, to.get(WORD, at) | 1L << page);
                }
            }
        }
    }
}
