package vfio.mdev.usage;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class UseCountTest {
    private final AtomicInteger ends = new AtomicInteger();
    private final UseCount gate = new UseCount(ends::incrementAndGet);

    @Test
    void endsAtOnceWhenUnused() {
        gate.close();
        assertEquals(1, ends.get());
        assertFalse(gate.enter());
        gate.close();
        assertEquals(1, ends.get());
    }

    @Test
    void endsWithTheLastCaller() {
        assertTrue(gate.enter());
        assertTrue(gate.enter());
        gate.close();
        assertFalse(gate.enter());
        gate.leave();
        assertEquals(0, ends.get());
        gate.leave();
        assertEquals(1, ends.get());
        assertFalse(gate.enter());
        assertEquals(1, ends.get());
    }

    /** Rejected entries change the count temporarily: they must cause neither an early nor a second end. */
    @Test
    void endsOnceWithNoCallerInside() throws InterruptedException {
        for (int round = 0; round < 500; round++) {
            AtomicInteger ended = new AtomicInteger();
            AtomicInteger insideAfterwards = new AtomicInteger();
            UseCount contended = new UseCount(ended::incrementAndGet);
            List<Thread> threads = new ArrayList<>();
            for (int i = 0; i < 3; i++) {
                threads.add(Thread.ofPlatform().start(() -> {
                    while (contended.enter()) {
                        insideAfterwards.addAndGet(ended.get());
                        contended.leave();
                    }
                }));
            }
            contended.close();
            for (Thread thread : threads) {
                thread.join();
            }
            assertEquals(1, ended.get());
            assertEquals(0, insideAfterwards.get());
        }
    }
}
