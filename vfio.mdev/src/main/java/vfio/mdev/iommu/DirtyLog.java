package vfio.mdev.iommu;

import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jspecify.annotations.Nullable;

/**
 * The dirty bitmap of one mapping, one bit per page. Any thread may set bits, without a lock. Memory for the bits is
 * allocated on the first write in their chunk, so a huge mapping that is never written costs nothing.
 *
 * <p>No written page is lost: a writer sets the bit <em>after</em> writing the bytes, and a report clears the bit
 * <em>before</em> its user copies the page. A bit set too late for one report is therefore part of the next one.
 */
final class DirtyLog {
    /** Words per chunk: the bits of 128 MiB. */
    private static final int CHUNK_WORDS = 512;

    private static final int CHUNK_PAGES = CHUNK_WORDS * Long.SIZE;
    private static final VarHandle WORDS = MethodHandles.arrayElementVarHandle(long[].class);
    private static final ValueLayout.OfLong BITMAP_WORD = JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    /** {@code DIRTY_BITMAP_PAGES_MAX} of vfio_iommu_type1.c. */
    static final long MAX_PAGES = Integer.MAX_VALUE;

    private final int chunkCount;
    private volatile @Nullable AtomicReferenceArray<long[]> chunks;

    /** @param pages at most {@link #MAX_PAGES} */
    DirtyLog(long pages) {
        this.chunkCount = Math.toIntExact((pages + CHUNK_PAGES - 1) / CHUNK_PAGES);
    }

    void mark(long firstPage, long lastPage) {
        for (long page = firstPage; page <= lastPage; ) {
            int bit = (int) (page % Long.SIZE);
            int bits = (int) Math.min(Long.SIZE - bit, lastPage - page + 1);
            long mask = mask(bit, bits);
            long[] words = chunk((int) (page / CHUNK_PAGES));
            int word = (int) (page % CHUNK_PAGES / Long.SIZE);
            if (((long) WORDS.getVolatile(words, word) & mask) != mask) {
                WORDS.getAndBitwiseOr(words, word, mask);
            }
            page += bits;
        }
    }

    /** Moves the bits of a range of pages to a bitmap in which {@code at} is the bit of the first of them. */
    void drain(MemorySegment bitmap, long at, long firstPage, long lastPage) {
        AtomicReferenceArray<long[]> all = chunks;
        for (long page = firstPage; all != null && page <= lastPage; ) {
            long[] words = all.get((int) (page / CHUNK_PAGES));
            if (words == null) {
                page = (page / CHUNK_PAGES + 1) * CHUNK_PAGES;
                continue;
            }
            int bit = (int) (page % Long.SIZE);
            int bits = (int) Math.min(Long.SIZE - bit, lastPage - page + 1);
            long mask = mask(bit, bits);
            int word = (int) (page % CHUNK_PAGES / Long.SIZE);
            if (((long) WORDS.getVolatile(words, word) & mask) != 0) {
                long marks = (long) WORDS.getAndBitwiseAnd(words, word, ~mask) & mask;
                add(bitmap, at + page - firstPage, marks >>> bit);
            }
            page += bits;
        }
    }

    private static long mask(int bit, int bits) {
        return (bits == Long.SIZE ? -1L : (1L << bits) - 1) << bit;
    }

    /** The number of dirty pages. */
    long count() {
        AtomicReferenceArray<long[]> all = chunks;
        long count = 0;
        for (int c = 0; all != null && c < chunkCount; c++) {
            long[] words = all.get(c);
            for (int w = 0; words != null && w < CHUNK_WORDS; w++) {
                count += Long.bitCount((long) WORDS.getVolatile(words, w));
            }
        }
        return count;
    }

    private static void add(MemorySegment bitmap, long at, long bits) {
        long offset = at / Long.SIZE * Long.BYTES;
        int shift = (int) (at % Long.SIZE);
        bitmap.set(BITMAP_WORD, offset, bitmap.get(BITMAP_WORD, offset) | (bits << shift));
        long rest = shift == 0 ? 0 : bits >>> (Long.SIZE - shift);
        if (rest != 0) {
            bitmap.set(BITMAP_WORD, offset + Long.BYTES, bitmap.get(BITMAP_WORD, offset + Long.BYTES) | rest);
        }
    }

    private long[] chunk(int index) {
        AtomicReferenceArray<long[]> all = chunks;
        if (all == null) {
            synchronized (this) {
                all = chunks;
                if (all == null) {
                    all = new AtomicReferenceArray<>(chunkCount);
                    chunks = all;
                }
            }
        }
        long[] words = all.get(index);
        if (words == null) {
            words = new long[CHUNK_WORDS];
            long[] earlier = all.compareAndExchange(index, null, words);
            words = earlier == null ? words : earlier;
        }
        return words;
    }
}
