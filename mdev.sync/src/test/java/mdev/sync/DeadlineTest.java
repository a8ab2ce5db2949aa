package mdev.sync;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.ReentrantLock;
import org.junit.jupiter.api.Test;

class DeadlineTest {
    private final Deadline far = Deadline.in(Duration.ofMinutes(5));
    private final Deadline past = Deadline.in(Duration.ZERO);

    @Test
    void takesTheEarlierOfTwo() {
        assertTrue(far.atMost(Duration.ZERO).hasPassed());
        assertFalse(far.atMost(Duration.ofDays(1)).atMost(Duration.ofMinutes(1)).hasPassed());
        assertTrue(past.atMost(Duration.ofDays(1)).hasPassed());
        assertFalse(Deadline.in(Duration.ofSeconds(Long.MAX_VALUE)).hasPassed());
    }

    @Test
    void roundsUpForPoll() {
        assertEquals(0, past.remainingMillis());
        assertTrue(far.remainingMillis() > 0);
        assertEquals(Integer.MAX_VALUE, Deadline.in(Duration.ofDays(400)).remainingMillis());
    }

    @Test
    void interruptIsKeptAndDoesNotEndAWait() {
        CountDownLatch latch = new CountDownLatch(1);
        Thread.currentThread().interrupt();
        Thread.ofPlatform().start(latch::countDown);
        assertTrue(far.awaitUninterruptibly(latch));
        assertTrue(Thread.interrupted());
        assertFalse(past.awaitUninterruptibly(new CountDownLatch(1)));
    }

    @Test
    void joinsAThread() {
        CountDownLatch leave = new CountDownLatch(1);
        Thread thread = Thread.ofPlatform().daemon().start(() -> far.awaitUninterruptibly(leave));
        assertFalse(past.join(thread));
        leave.countDown();
        assertTrue(far.join(thread));
    }

    @Test
    void acquiresALock() {
        ReentrantLock lock = new ReentrantLock();
        Thread.currentThread().interrupt();
        assertTrue(far.tryLock(lock));
        assertTrue(Thread.interrupted());
        AtomicBoolean acquired = new AtomicBoolean(true);
        Thread other = Thread.ofPlatform().start(() -> acquired.set(past.tryLock(lock)));
        assertTrue(far.join(other));
        assertFalse(acquired.get());
        lock.unlock();
        assertFalse(lock.isLocked());
    }

    /** If the interrupt stayed pending, park() would return immediately and the loop would poll thousands of times. */
    @Test
    void pollingParksAlthoughTheThreadIsInterrupted() {
        AtomicInteger asked = new AtomicInteger();
        Thread.currentThread().interrupt();
        assertFalse(Deadline.in(Duration.ofMillis(200)).poll(Duration.ofMillis(50), () -> {
            asked.incrementAndGet();
            return false;
        }));
        assertTrue(Thread.interrupted());
        assertTrue(asked.get() < 20, () -> "asked " + asked + " times in 200 ms");
        assertTrue(far.poll(Duration.ofMillis(1), () -> asked.incrementAndGet() > 10));
        assertFalse(Thread.interrupted());
    }

    @Test
    void waitsOnAMonitorUntilItIsNotified() {
        boolean[] set = {false};
        Thread.ofPlatform().start(() -> {
            synchronized (set) {
                set[0] = true;
                set.notifyAll();
            }
        });
        synchronized (set) {
            while (!set[0]) {
                assertTrue(far.waitOn(set));
            }
            assertFalse(past.waitOn(set));
        }
    }
}
