package vfio.mdev.iommu;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.lang.foreign.MemorySegment;
import java.util.BitSet;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class DirtyLogTest {
    @ParameterizedTest
    @ValueSource(longs = {0, 1, 63, 64, 65, 1000})
    void reportsAndClearsMarkedPagesInPieces(long at) {
        long pages = 100_000;
        DirtyLog log = new DirtyLog(pages);
        BitSet model = new BitSet();
        Random random = new Random(at);
        for (int i = 0; i < 200; i++) {
            int first = random.nextInt((int) pages);
            int last = (int) Math.min(pages - 1, first + random.nextInt(i % 3 == 0 ? 300 : 3));
            log.mark(first, last);
            model.set(first, last + 1);
        }
        assertEquals(model.cardinality(), log.count());
        MemorySegment bitmap = MemorySegment.ofArray(new long[(int) (at + pages) / 64 + 1]);
        for (int first = 0; first < pages; ) {
            int last = (int) Math.min(pages - 1, first + random.nextInt(40_000));
            log.drain(bitmap, at + first, first, last);
            first = last + 1;
            assertEquals(model.get(first, (int) pages).cardinality(), log.count(), "what is behind is left");
        }
        BitSet reported = BitSet.valueOf((long[]) bitmap.heapBase().orElseThrow());
        assertEquals(model, reported.get((int) at, (int) (at + pages)));
        assertEquals(model.cardinality(), reported.cardinality());
        assertEquals(0, log.count());
    }

    @Test
    void largestMappingCostsLittleUntilItIsWritten() {
        DirtyLog log = new DirtyLog(DirtyLog.MAX_PAGES);
        assertEquals(0, log.count());
        log.mark(DirtyLog.MAX_PAGES - 1, DirtyLog.MAX_PAGES - 1);
        assertEquals(1, log.count());
    }
}
