package mdev.linux;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.concurrent.FutureTask;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;

class CallArenaTest {
    /**
     * While a thread receives into the memory, the close returns without waiting for it; the final action runs after
     * the call has returned.
     */
    @Test
    void closeDoesNotWaitForAHungSystemCall() throws Exception {
        try (UnixSocket.Pair pair = UnixSocket.pair(0)) {
            Arena arena = Arena.ofShared();
            MemorySegment memory = arena.allocate(1);
            MemorySegment one = Arena.ofAuto().allocate(1);
            FutureTask<Long> reader = Threads.start("hangs", () -> pair.first().receive(memory, 0, 1, 0));
            Threads.awaitAsleep("hangs");
            AtomicBoolean closed = new AtomicBoolean();
            Thread.currentThread().interrupt();
            CallArena.close(arena, "the test's memory", () -> closed.set(true), Duration.ofMillis(10));
            assertTrue(Thread.interrupted());
            assertFalse(closed.get());
            assertTrue(arena.scope().isAlive());
            pair.second().send(one, 0, 1);
            Threads.get(reader);
            Threads.await("the last step", closed::get);
            assertFalse(arena.scope().isAlive());
        }
    }
}
