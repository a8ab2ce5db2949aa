package mdev.linux;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;

/** Asserts that code allocates nothing on the Java heap, once it is compiled. */
final class Allocation {
    private static final int CALLS = 20_000;

    private Allocation() {}

    @FunctionalInterface
    interface Body {
        void run() throws Exception;
    }

    static void assertNone(Body body) throws Exception {
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long allocated = Long.MAX_VALUE;
        long deadline = System.nanoTime() + Threads.PATIENCE.toNanos(); // until the code is compiled
        while (allocated > 0 && System.nanoTime() < deadline) {
            long before = threads.getCurrentThreadAllocatedBytes();
            for (int i = 0; i < CALLS; i++) {
                body.run();
            }
            allocated = threads.getCurrentThreadAllocatedBytes() - before;
        }
        assertEquals(0, allocated, "bytes in " + CALLS + " calls");
    }
}
