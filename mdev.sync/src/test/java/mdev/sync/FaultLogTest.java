package mdev.sync;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class FaultLogTest {
    private long now = Long.MAX_VALUE - 5; // nanoTime() may overflow
    private final List<String> lines = new ArrayList<>();
    private final FaultLog log = new FaultLog((line, _) -> lines.add(line), "vendor.x (parent p)", () -> now);

    @Test
    void writesALineAndCountsTheRest() {
        for (int i = 0; i < 100_000; i++) {
            log.report("read", new RuntimeException());
        }
        assertEquals(List.of("vendor.x (parent p) failed in read"), lines);
        now += LimitedLog.PAUSE.toNanos();
        log.report("write", new RuntimeException());
        log.report("write", new RuntimeException());
        assertEquals("vendor.x (parent p) failed in write (and 99999 more since the last report)", lines.getLast());
        assertEquals(2, lines.size());
    }
}
