package mdev.sync;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class BoundedCallsTest {
    private final BoundedCalls calls = new BoundedCalls("test");
    private final Deadline far = Deadline.in(Duration.ofMinutes(5));

    @AfterEach
    void close() {
        calls.close();
    }

    @Test
    void hungCallIsLeftWithItsStack() throws InterruptedException {
        CountDownLatch hang = new CountDownLatch(1);
        BoundedCalls.Call call = calls.start("release of x", () -> far.awaitUninterruptibly(hang));
        assertFalse(call.await(Deadline.in(Duration.ofMillis(20))));
        assertTrue(far.poll(Duration.ofMillis(1), () -> call.stack() != null));
        Throwable stack = call.stack();
        assertNotNull(stack);
        assertEquals("stack of thread release of x", stack.getMessage());
        hang.countDown();
        assertTrue(call.await(far));
        assertTrue(call.isDone());
        assertNull(call.stack());
    }

    @Test
    void exceptionEndsOnlyItsCall() throws InterruptedException {
        assertTrue(calls.start("throws", () -> {
                    throw new AssertionError("expected by the test");
                })
                .await(far));
        assertTrue(calls.start("works", () -> {}).await(far));
    }

    @Test
    void usesTheCallersThreadIfNoneStarts() throws InterruptedException {
        calls.close();
        assertNull(calls.tryStart("nothing", () -> {
            throw new AssertionError();
        }));
        AtomicReference<Thread> ran = new AtomicReference<>();
        assertTrue(calls.start("here", () -> ran.set(Thread.currentThread())).await(far));
        assertEquals(Thread.currentThread(), ran.get());
        AtomicInteger done = new AtomicInteger();
        assertEquals(
                0,
                calls.each("all", List.of(1, 2, 3), Function.identity(), _ -> done.incrementAndGet())
                        .getCount());
        assertEquals(3, done.get());
    }

    @Test
    void hungCallDelaysOnlyItsOwnBatch() throws InterruptedException {
        CountDownLatch hang = new CountDownLatch(1);
        CountDownLatch left =
                calls.each("remove", IntStream.range(0, 400).boxed().toList(), item -> item % 2, item -> {
                    if (item % 2 == 0) {
                        far.awaitUninterruptibly(hang);
                    }
                });
        assertTrue(far.poll(Duration.ofMillis(1), () -> left.getCount() == 200));
        hang.countDown();
        assertTrue(far.await(left));
    }

    @Test
    void runsOnAnotherThreadWithTheNameOfTheCall() throws InterruptedException {
        AtomicReference<String> name = new AtomicReference<>();
        AtomicReference<Thread> ran = new AtomicReference<>();
        assertTrue(calls.start("probe of y", () -> {
                    name.set(Thread.currentThread().getName());
                    ran.set(Thread.currentThread());
                })
                .await(far));
        assertEquals("probe of y", name.get());
        assertNotEquals(Thread.currentThread(), ran.get());
    }
}
