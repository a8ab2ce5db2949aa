package mdev.linux;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;
import static mdev.linux.Answers.refused;
import static mdev.linux.PeerEventFdTest.FULL;
import static mdev.linux.PeerEventFdTest.awaitCount;
import static mdev.linux.PeerEventFdTest.peers;
import static mdev.linux.PeerEventFdTest.read;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.FutureTask;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Signals by threads, for kernels without AIO. */
@ExtendWith(NoLeaks.class)
@Timeout(600)
class SignalThreadsTest {
    private static final int PR_SET_NO_NEW_PRIVS = 38;
    private static final int PR_SET_SECCOMP = 22;
    private static final long SECCOMP_MODE_FILTER = 2;
    private static final int SECCOMP_RET_ERRNO = 0x50000;
    private static final int SECCOMP_RET_ALLOW = 0x7fff0000;
    private static final int EPERM = 1;
    private static final int EAGAIN = 11;
    private static final int ENOSYS = 38;

    private static final MethodHandle PRCTL = Libc.variadic(
            "prctl", 1, FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_LONG, ADDRESS, JAVA_LONG, JAVA_LONG));

    /** Makes {@code io_setup(2)} fail for this thread, by a filter of {@code seccomp(2)} as in a container. */
    private static void forbidAio(int errno) throws LinuxException {
        long[][] program = {
            {0x20, 0, 0, 0}, // BPF_LD | BPF_W | BPF_ABS: seccomp_data.nr
            {0x15, 0, 1, Arch.CURRENT.sysIoSetup()}, // BPF_JMP | BPF_JEQ | BPF_K
            {0x06, 0, 0, SECCOMP_RET_ERRNO | errno}, // BPF_RET | BPF_K
            {0x06, 0, 0, SECCOMP_RET_ALLOW}
        };
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment filter = arena.allocate(8L * program.length, 8);
            for (int i = 0; i < program.length; i++) {
                filter.set(JAVA_SHORT, 8L * i, (short) program[i][0]);
                filter.set(JAVA_BYTE, 8L * i + 2, (byte) program[i][1]);
                filter.set(JAVA_BYTE, 8L * i + 3, (byte) program[i][2]);
                filter.set(JAVA_INT, 8L * i + 4, (int) program[i][3]);
            }
            MemorySegment list = arena.allocate(16, 8); // struct sock_fprog
            list.set(JAVA_SHORT, 0, (short) program.length);
            list.set(ADDRESS, 8, filter);
            Libc.call("prctl", state ->
                    (int) PRCTL.invokeExact(state, PR_SET_NO_NEW_PRIVS, 1L, MemorySegment.NULL, 0L, 0L));
            Libc.call("prctl", state ->
                    (int) PRCTL.invokeExact(state, PR_SET_SECCOMP, SECCOMP_MODE_FILTER, list, 0L, 0L));
        }
    }

    @ParameterizedTest(name = "errno {0}")
    @ValueSource(ints = {ENOSYS, EPERM, EAGAIN})
    void replaceAnAioThatTheKernelRefuses(int errno) throws Exception {
        FutureTask<Void> confined = Threads.start("confined", () -> {
            forbidAio(errno);
            refused(errno, AioContext::create);
            try (PeerSignals signals = PeerSignals.create();
                    Fd peer = peers(0);
                    Arena arena = Arena.ofConfined()) {
                assertInstanceOf(SignalThreads.class, signals);
                Signaller signaller = signals.begin("mdev-test");
                try (PeerEventFd event = PeerEventFd.adopt(peer.dup(), signaller)) {
                    event.signal();
                    assertEquals(1, read(peer, arena));
                }
                signaller.end();
            }
            return null;
        });
        Threads.get(confined);
    }

    @Test
    void blockedClientStopsOnlyItsOwnThread() throws Exception {
        try (SignalThreads signals = new SignalThreads();
                Fd full = peers(0);
                Fd other = peers(0);
                Arena arena = Arena.ofConfined()) {
            Signaller stuck = signals.begin("mdev-stuck");
            Signaller free = signals.begin("mdev-free");
            try (PeerEventFd first = PeerEventFd.adopt(full.dup(), stuck);
                    PeerEventFd second = PeerEventFd.adopt(other.dup(), free)) {
                full.write(arena.allocateFrom(JAVA_LONG, FULL));
                first.signal();
                Threads.awaitAsleep("mdev-stuck");
                first.signal();
                second.signal();
                assertEquals(1, read(other, arena));
                assertEquals(FULL, read(full, arena));
                awaitCount(2, full, arena); // nothing is lost
            }
            stuck.end();
            free.end();
            Threads.await("both threads have ended", () -> signals.left() == SignalThreads.MAX);
        }
    }

    @Test
    void clientThatLeavesItsCounterFullLeavesNoThread() throws Exception {
        try (SignalThreads signals = new SignalThreads();
                Fd full = peers(0);
                Arena arena = Arena.ofConfined()) {
            Signaller stuck = signals.begin("mdev-stuck");
            PeerEventFd event = PeerEventFd.adopt(full.dup(), stuck);
            full.write(arena.allocateFrom(JAVA_LONG, FULL));
            event.signal();
            Threads.awaitAsleep("mdev-stuck");
            event.close();
            stuck.end();
            Threads.await("the thread has ended", () -> signals.left() == SignalThreads.MAX);
        }
    }

    /** The client empties its counter and fills it again, repeatedly. */
    @Test
    void clientThatRefillsItsCounterDelaysAnEndForALimitedTime() throws Exception {
        try (SignalThreads signals = new SignalThreads();
                Fd full = peers(0);
                Arena arena = Arena.ofShared()) {
            Signaller stuck = signals.begin("mdev-stuck");
            PeerEventFd event = PeerEventFd.adopt(full.dup(), stuck);
            MemorySegment fill = arena.allocateFrom(JAVA_LONG, FULL);
            AtomicBoolean done = new AtomicBoolean();
            full.write(fill);
            event.signal();
            Threads.awaitAsleep("mdev-stuck");
            FutureTask<Void> refills = Threads.start("refills", () -> {
                while (!done.get()) {
                    full.write(fill); // waits for room
                }
                return null;
            });
            event.close();
            stuck.end();
            done.set(true);
            Threads.await("the client and the thread have ended", () -> {
                if (!refills.isDone()) {
                    read(full, arena);
                }
                return refills.isDone() && signals.left() == SignalThreads.MAX;
            });
        }
    }

    @Test
    void closeKeepsTheLastSignals() throws Exception {
        try (SignalThreads signals = new SignalThreads();
                Fd peer = peers(0);
                Arena arena = Arena.ofConfined()) {
            Signaller signaller = signals.begin("mdev-test");
            for (int i = 0; i < 1000; i++) {
                try (PeerEventFd event = PeerEventFd.adopt(peer.dup(), signaller)) {
                    event.signal();
                }
                assertEquals(1, read(peer, arena));
            }
            signaller.end();
        }
    }

    @Test
    void areLimitedInNumber() throws Exception {
        try (SignalThreads signals = new SignalThreads();
                Fd peer = peers(0)) {
            List<Signaller> clients = new ArrayList<>();
            List<PeerEventFd> events = new ArrayList<>();
            for (int i = 0; i < SignalThreads.MAX; i++) {
                clients.add(signals.begin("mdev-test"));
                events.add(PeerEventFd.adopt(peer.dup(), clients.getLast()));
            }
            Signaller last = signals.begin("mdev-test");
            try (Fd refused = peer.dup()) {
                refused(EAGAIN, () -> PeerEventFd.adopt(refused, last));
            }
            events.forEach(PeerEventFd::close);
            clients.forEach(Signaller::end);
            Threads.await("all threads have ended", () -> signals.left() == SignalThreads.MAX);
            PeerEventFd.adopt(peer.dup(), last).close(); // a thread is available again
            last.end();
        }
    }
}
