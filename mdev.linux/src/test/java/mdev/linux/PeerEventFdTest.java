package mdev.linux;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static mdev.linux.Answers.EBADF;
import static mdev.linux.Answers.EINVAL;
import static mdev.linux.Answers.refused;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.FutureTask;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The eventfds of a peer, signalled by the kernel or by a thread. */
@ExtendWith(NoLeaks.class)
class PeerEventFdTest {
    static final int EFD_NONBLOCK = 04000;
    static final long FULL = -2;
    private static final int ROUNDS = 2000;

    private static final MethodHandle EVENTFD =
            Libc.function("eventfd", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT));

    enum Means {
        KERNEL,
        THREAD;

        PeerSignals open() throws LinuxException {
            return this == KERNEL ? AioContext.create() : new SignalThreads();
        }
    }

    /** An eventfd as a peer may create it. */
    static Fd peers(int flags) throws LinuxException {
        return Fd.of(Libc.call("eventfd", state -> (int) EVENTFD.invokeExact(state, 0, flags)));
    }

    static long read(Fd eventfd, Arena arena) throws LinuxException {
        MemorySegment count = arena.allocate(JAVA_LONG);
        eventfd.read(count);
        return count.get(JAVA_LONG, 0);
    }

    /** Signals by a thread may arrive in several writes. */
    static void awaitCount(long expected, Fd eventfd, Arena arena) throws Exception {
        long[] sum = {0};
        Threads.await("the count is " + expected, () -> {
            if (Poll.await(eventfd, Poll.POLLIN, Duration.ZERO) != 0) {
                sum[0] += read(eventfd, arena);
            }
            return sum[0] == expected;
        });
    }

    @ParameterizedTest(name = "flags {0}")
    @ValueSource(ints = {EFD_NONBLOCK, 0})
    @Timeout(600)
    void countsAndNeverBlocks(int flags) throws Exception {
        try (AioContext aio = AioContext.create();
                Fd peer = peers(flags);
                PeerEventFd event = PeerEventFd.adopt(peer.dup(), aio);
                Arena arena = Arena.ofConfined()) {
            event.signal();
            event.signal();
            assertEquals(2, read(peer, arena));

            peer.write(arena.allocateFrom(JAVA_LONG, FULL));
            event.signal();
            event.signal();
            assertEquals(-1, read(peer, arena), "eventfd_signal(): a full counter overflows, and stays so");
            event.signal();
            assertEquals(1, read(peer, arena));
        }
    }

    /**
     * Fails if a signal checks for room and then calls {@code write(2)}: the peer fills the counter of its blocking
     * eventfd in between.
     */
    @ParameterizedTest
    @EnumSource
    @Timeout(600)
    void fullCounterOfAPeerBlocksNoSignaller(Means means) throws Exception {
        try (PeerSignals signals = means.open();
                Fd peer = peers(0);
                PeerEventFd event = PeerEventFd.adopt(peer.dup(), signals.begin("mdev-test"));
                Arena arena = Arena.ofShared()) {
            MemorySegment full = arena.allocateFrom(JAVA_LONG, FULL);
            MemorySegment count = arena.allocate(JAVA_LONG);
            for (int round = 0; round < ROUNDS; round++) {
                CyclicBarrier together = new CyclicBarrier(2);
                FutureTask<Void> signaller = Threads.start("signaller", () -> {
                    together.await();
                    event.signal();
                    return null;
                });
                FutureTask<Long> filler = Threads.start("filler", () -> {
                    together.await();
                    return peer.write(full);
                });
                Threads.get(signaller); // whatever the peer does
                while (!filler.isDone() || Poll.await(peer, Poll.POLLIN, Duration.ZERO) != 0) {
                    if (Poll.await(peer, Poll.POLLIN, Duration.ofMillis(1)) != 0) {
                        peer.read(count);
                    }
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void manyThreadsLoseNoSignal(Means means) throws Exception {
        try (PeerSignals signals = means.open();
                Fd peer = peers(0);
                PeerEventFd event = PeerEventFd.adopt(peer.dup(), signals.begin("mdev-test"));
                Arena arena = Arena.ofConfined()) {
            List<FutureTask<Void>> threads = new ArrayList<>();
            for (int i = 0; i < 4; i++) {
                threads.add(Threads.start("signaller", () -> {
                    for (int n = 0; n < 5000; n++) { // more than one context holds
                        event.signal();
                    }
                    return null;
                }));
            }
            for (FutureTask<Void> thread : threads) {
                Threads.get(thread);
            }
            awaitCount(20_000, peer, arena);
        }
    }

    @ParameterizedTest
    @EnumSource
    void adoptsOnlyEventFds(Means means) throws Exception {
        Fd closed = peers(0);
        closed.close();
        try (PeerSignals signals = means.open();
                Fd memory = MemFd.create("mdev-test", 8);
                Fd device = Fd.open(Path.of("/dev/null"), Fd.O_WRONLY);
                UnixSocket.Pair sockets = UnixSocket.pair(0)) {
            Signaller signaller = signals.begin("mdev-test");
            for (Fd fd : List.of(memory, device, sockets.first().fd())) {
                refused(EINVAL, () -> PeerEventFd.adopt(fd, signaller));
                fd.stat(); // still the caller's
            }
            refused(EBADF, () -> PeerEventFd.adopt(closed, signaller));
        }
    }

    @Test
    void adoptingTakesTheDescriptorFromItsOwner() throws Exception {
        try (AioContext aio = AioContext.create();
                Fd peer = peers(0);
                Arena arena = Arena.ofConfined()) {
            Fd passed = peer.dup();
            try (PeerEventFd event = PeerEventFd.adopt(passed, aio)) {
                passed.close();
                event.signal();
                assertEquals(1, read(peer, arena));
            }
        }
    }

    @Test
    void closedEventFdOrContextDoesNothing() throws Exception {
        AioContext aio = AioContext.create();
        try (Fd peer = peers(EFD_NONBLOCK);
                PeerEventFd late = PeerEventFd.adopt(peer.dup(), aio)) {
            PeerEventFd closed = PeerEventFd.adopt(peer.dup(), aio);
            closed.close();
            closed.close();
            closed.signal();
            aio.close();
            aio.close();
            late.signal();
            assertEquals(0, Poll.await(peer, Poll.POLLIN, Duration.ZERO));
        }
    }

    @ParameterizedTest
    @EnumSource
    void signalAllocatesNothing(Means means) throws Exception {
        try (PeerSignals signals = means.open();
                PeerEventFd event = PeerEventFd.adopt(peers(EFD_NONBLOCK), signals.begin("mdev-test"))) {
            Allocation.assertNone(event::signal);
        }
    }
}
