package mdev.sync;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
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

    /** A pool that cannot start a thread while {@code exhausted} is set. */
    private static BoundedCalls limited(AtomicBoolean exhausted) {
        return new BoundedCalls(task -> {
            if (exhausted.get()) {
                throw new OutOfMemoryError("unable to create native thread: expected by the test");
            }
            return Thread.ofPlatform().daemon().unstarted(task);
        });
    }

    @Test
    void usesTheReserveThreadIfNoneStarts() throws InterruptedException {
        AtomicBoolean exhausted = new AtomicBoolean();
        try (BoundedCalls limited = limited(exhausted).withReserve()) {
            exhausted.set(true);
            assertNull(limited.tryStart("nothing", () -> {
                throw new AssertionError();
            }));
            AtomicReference<Thread> ran = new AtomicReference<>();
            AtomicBoolean inner = new AtomicBoolean();
            assertTrue(limited.start("outer", () -> {
                        ran.set(Thread.currentThread());
                        inner.set(limited.start("inner", () -> {}).isDone());
                    })
                    .await(far));
            assertNotEquals(Thread.currentThread(), ran.get());
            assertTrue(inner.get(), "a call that the reserve thread makes cannot wait for it");
            AtomicInteger done = new AtomicInteger();
            assertTrue(
                    far.await(limited.each("all", List.of(1, 2, 3), Function.identity(), _ -> done.incrementAndGet())));
            assertEquals(3, done.get());
        }
    }

    @Test
    void hungReserveThreadDelaysNoCaller() throws InterruptedException {
        AtomicBoolean exhausted = new AtomicBoolean();
        CountDownLatch hang = new CountDownLatch(1);
        try (BoundedCalls limited = limited(exhausted).withReserve()) {
            exhausted.set(true);
            BoundedCalls.Call hung = limited.start("hangs", () -> far.awaitUninterruptibly(hang));
            assertTrue(far.poll(Duration.ofMillis(1), hung::hasBegun));
            BoundedCalls.Call next = limited.start("next", () -> {});
            assertFalse(next.await(Deadline.in(Duration.ofMillis(20))));
            assertFalse(next.hasBegun());
            exhausted.set(false);
            assertTrue(limited.start("a later one", () -> {}).await(far));
            assertTrue(next.await(far), "the thread of a later call runs what has waited");
            hang.countDown();
            assertTrue(hung.await(far));
        }
    }

    /** The thread locals of a thread that has run foreign code would keep the classes of that code alive. */
    @Test
    void replacesTheReserveThreadAfterItsCall() throws InterruptedException {
        AtomicBoolean exhausted = new AtomicBoolean();
        try (BoundedCalls limited = limited(exhausted).withReserve()) {
            exhausted.set(true);
            AtomicReference<Thread> ran = new AtomicReference<>();
            assertTrue(limited.start("one", () -> {
                        ran.set(Thread.currentThread());
                        exhausted.set(false);
                    })
                    .await(far));
            assertTrue(far.join(Objects.requireNonNull(ran.get())));
            exhausted.set(true);
            assertTrue(limited.start("another", () -> {}).await(far));
        }
    }

    @Test
    void startsAThreadForEachCallAfterTheClose() throws InterruptedException {
        calls.close();
        assertNull(calls.tryStart("nothing", () -> {
            throw new AssertionError();
        }));
        AtomicReference<Thread> ran = new AtomicReference<>();
        assertTrue(calls.start("here", () -> ran.set(Thread.currentThread())).await(far));
        assertNotEquals(Thread.currentThread(), ran.get());
        assertTrue(far.await(calls.each("all", List.of(1, 2, 3), Function.identity(), _ -> {})));
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
