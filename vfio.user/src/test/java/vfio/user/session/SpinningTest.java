package vfio.user.session;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import mdev.linux.LinuxException;
import mdev.linux.UnixSocket;
import mdev.sync.Deadline;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

final class SpinningTest {
    private interface Run {
        void run() throws Exception;
    }

    private static final int MOST = 100;
    private static final int FOR_EVER = 1 << 29;

    private final Arena arena = Arena.ofShared();
    private final MemorySegment buffer = arena.allocate(8);
    private UnixSocket.Pair pair;

    @BeforeEach
    void connect() throws LinuxException {
        pair = UnixSocket.pair(0);
    }

    @AfterEach
    void close() {
        pair.close();
        arena.close();
    }

    /** A wait for a message that is there already. */
    private void waitForMessage(Spinning spinning) throws LinuxException {
        pair.second().send(buffer, 0, 1);
        assertEquals(1, spinning.receive(pair.first(), buffer, 0, 8));
    }

    /** A wait for a message that does not come, neither while the connection polls nor later. */
    private void waitInVain(Spinning spinning) throws LinuxException {
        pair.first().setReceiveTimeout(Duration.ofMillis(1));
        assertEquals(0, spinning.receive(pair.first(), buffer, 0, 8));
    }

    private static int untilPolls(Spinning spinning, Run wait) throws Exception {
        int waits = 0;
        while (spinning.polls() == 0) {
            wait.run();
            waits++;
        }
        return waits;
    }

    @Test
    void pollsWhileThatPaysOff() throws Exception {
        Spinning spinning = new Spinning(MOST, new Spinners(2));
        spinning.learn(true);
        assertEquals(MOST, spinning.polls());
        waitInVain(spinning);
        assertEquals(MOST / 2, spinning.polls());
        spinning.learn(true);
        assertEquals(MOST, spinning.polls());
    }

    /** Where client and connection share a processor, the message is there whenever the connection runs again. */
    @Test
    void messageThatIsThereTeachesNothing() throws Exception {
        Spinning spinning = new Spinning(MOST, new Spinners(2));
        waitInVain(spinning);
        waitForMessage(spinning);
        assertEquals(MOST / 2, spinning.polls());
    }

    @Test
    void stopsWhenItDoesNotPayOffAndTriesMoreAndMoreSeldom() throws Exception {
        Spinning spinning = new Spinning(MOST, new Spinners(2));
        int inVain = 0;
        for (; spinning.polls() > 0; inVain++) {
            waitInVain(spinning);
        }
        assertEquals(4, inVain);
        List<Integer> pauses = new ArrayList<>();
        for (int i = 0; i < 9; i++) {
            pauses.add(untilPolls(spinning, () -> waitForMessage(spinning)));
            waitInVain(spinning);
            assertEquals(0, spinning.polls(), "one failure ends a try");
        }
        assertEquals(List.of(64, 128, 256, 512, 1024, 2048, 4096, 4096, 4096), pauses);
        untilPolls(spinning, () -> waitForMessage(spinning));
        for (int i = 0; i < 3; i++) {
            spinning.learn(true);
        }
        assertEquals(MOST, spinning.polls(), "the try paid off");
    }

    @Test
    void zeroNeverPolls() throws Exception {
        Spinning spinning = new Spinning(0, new Spinners(2));
        for (int i = 0; i < 200; i++) {
            waitForMessage(spinning);
            assertEquals(0, spinning.polls());
        }
    }

    @Test
    void blocksWhenAnotherConnectionHasSomethingToDo() throws Exception {
        Spinners all = new Spinners(2);
        Spinning spinning = new Spinning(FOR_EVER, all);
        FutureTask<Void> wait = new FutureTask<>(() -> {
            waitInVain(spinning);
            return null;
        });
        Thread.ofPlatform().daemon().start(wait);
        Deadline deadline = Deadline.in(Duration.ofMinutes(1));
        while (!wait.isDone() && deadline.remainingNanos() > 0) {
            all.woken(); // by the time of the last one it polled
            Thread.onSpinWait();
        }
        wait.get(0, TimeUnit.SECONDS);
    }

    @Test
    void halfOfTheProcessorsPoll() {
        Spinners of4 = new Spinners(4);
        assertTrue(of4.begin());
        assertTrue(of4.begin());
        assertFalse(of4.begin());
        of4.end();
        assertTrue(of4.begin());
        assertFalse(of4.begin());
        assertFalse(new Spinners(1).begin(), "the client needs the processor");
    }

    /** A connection that may not poll blocks, and learns nothing from that. */
    @Test
    void waitsWithoutAProcessor() throws Exception {
        Spinning spinning = new Spinning(FOR_EVER, new Spinners(1));
        waitInVain(spinning);
        waitForMessage(spinning);
        assertEquals(FOR_EVER, spinning.polls());
    }
}
