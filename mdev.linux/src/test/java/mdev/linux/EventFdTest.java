package mdev.linux;

import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static mdev.linux.Answers.EBADF;
import static mdev.linux.Answers.refused;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.FutureTask;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

@ExtendWith(NoLeaks.class)
@SuppressWarnings("NullAway.Init")
class EventFdTest {
    private static final Duration NO_WAIT = Duration.ZERO;
    private static final Duration LONG = Duration.ofHours(1);
    private static final int ROUNDS = 50;

    /** The eventfd that the threads of the stress test signal. */
    private volatile EventFd current;

    @Test
    @Timeout(600)
    void countsAndNeverBlocks() throws Exception {
        try (EventFd event = EventFd.create();
                Arena arena = Arena.ofConfined()) {
            assertEquals(0, event.read(), "nothing yet");
            assertFalse(event.await(NO_WAIT));
            event.signal();
            event.signal();
            assertTrue(event.await(NO_WAIT));
            assertEquals(2, event.read());
            assertEquals(0, event.read(), "reset");

            event.fd().write(arena.allocateFrom(JAVA_LONG, -2)); // the largest count
            event.signal();
            assertEquals(-2, event.read(), "a full counter takes no more and is no error");
        }
    }

    /** A take does not block, although the peer has made the eventfd blocking and may have read it. */
    @Test
    @Timeout(600)
    void takesWhatAPeerShares() throws Exception {
        EventFd event = EventFd.create();
        try (Fd peer = event.fd().dup();
                Arena arena = Arena.ofConfined()) {
            assertFalse(event.take(), "nothing yet");
            peer.setNonblocking(false);
            assertFalse(event.take(), "nothing yet, though it is blocking");
            event.signal();
            event.signal();
            assertTrue(event.take());
            assertFalse(event.take(), "reset");
            peer.write(arena.allocateFrom(JAVA_LONG, -2)); // the largest count
            assertTrue(event.take());
            event.close();
            peer.write(arena.allocateFrom(JAVA_LONG, 1));
            assertFalse(event.take(), "closed");
        } finally {
            event.close();
        }
    }

    @Test
    void signalEndsTheWait() throws Exception {
        try (EventFd event = EventFd.create()) {
            FutureTask<Boolean> waiter = Threads.start("event-waiter", () -> event.await(LONG));
            Threads.awaitAsleep("event-waiter");
            event.signal();
            assertTrue(Threads.get(waiter));
            assertEquals(1, event.read(), "waiting does not read");
            assertFalse(event.await(Duration.ofMillis(2)));
        }
    }

    @Test
    void closedEventFdDoesNothing() throws Exception {
        EventFd event = EventFd.create();
        int number = event.fd().number();
        event.close();
        event.close();
        try (Fd next = Numbers.reuse(number, () -> MemFd.create("mdev-test", 0))) {
            event.signal();
            assertEquals(0, next.stat().size());
            assertEquals(0, event.read());
        }
        refused(EBADF, () -> event.await(NO_WAIT));
    }

    /**
     * Fails if {@link EventFd#close} does not close the arena, or closes it after the descriptor: a thread preempted
     * between its check of the closed flag and the system call then writes to the next owner of the number.
     */
    @Test
    @Timeout(600)
    void lateSignalNeverReachesTheNextOwnerOfTheNumber() throws Exception {
        current = EventFd.create();
        AtomicBoolean stop = new AtomicBoolean();
        List<AtomicLong> signals = List.of(new AtomicLong(), new AtomicLong(), new AtomicLong());
        List<FutureTask<Void>> signallers = new ArrayList<>();
        for (AtomicLong count : signals) {
            signallers.add(Threads.start("signaller", () -> {
                while (!stop.get()) {
                    current.signal();
                    count.incrementAndGet();
                }
                return null;
            }));
        }
        int reused = 0;
        for (int round = 0; round < ROUNDS; round++) {
            EventFd old = current;
            Threads.await("signals come", () -> old.read() > 0);
            int number = old.fd().number();
            FutureTask<Void> closer = Threads.start("closer", () -> {
                old.close();
                return null;
            });
            try (EventFd victim = nextWithNumber(number, closer)) {
                List<Long> before = signals.stream().map(AtomicLong::get).toList();
                for (int i = 0; i < signals.size(); i++) {
                    AtomicLong count = signals.get(i);
                    long calls = before.get(i);
                    Threads.await("each thread is back from its call", () -> count.get() > calls);
                }
                assertEquals(0, victim.read(), "a signal for another one, in round " + round);
                reused += victim.fd().number() == number ? 1 : 0;
            }
            current = EventFd.create();
        }
        stop.set(true);
        for (FutureTask<Void> signaller : signallers) {
            Threads.get(signaller);
        }
        current.close();
        assertTrue(reused > ROUNDS / 2, "numbers were reused: " + reused);
    }

    /** Takes the number as soon as it is free, at the latest once the closer has returned. */
    private static EventFd nextWithNumber(int number, FutureTask<Void> closer) throws Exception {
        for (; ; ) {
            boolean last = closer.isDone();
            EventFd next = EventFd.create();
            if (last || next.fd().number() == number) {
                Threads.get(closer);
                return next;
            }
            next.close();
        }
    }

    @Test
    void signalAndReadAllocateNothing() throws Exception {
        try (EventFd event = EventFd.create()) {
            Allocation.assertNone(event::signal);
            Allocation.assertNone(event::read);
        }
    }

    @Test
    void waitDoesNotEndEarly() throws Exception {
        try (EventFd event = EventFd.create()) {
            long begin = System.nanoTime();
            assertEquals(0, Poll.await(event.fd(), Poll.POLLIN, Duration.ofNanos(3_500_001)));
            assertTrue(System.nanoTime() - begin >= 3_500_001);
            assertEquals(Poll.POLLOUT, Poll.await(event.fd(), Poll.POLLIN | Poll.POLLOUT, LONG));
        }
    }
}
