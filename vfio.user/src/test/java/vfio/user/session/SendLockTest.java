package vfio.user.session;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.linux.UnixSocket;
import mdev.sync.Deadline;
import org.junit.jupiter.api.Test;

class SendLockTest {
    private static final int MORE_THAN_A_SOCKET_TAKES = 16 << 20;

    /**
     * The client receives one byte of a command and no more; interrupts of the connection's thread do not change the
     * timeout.
     */
    @Test
    void replyDoesNotWaitForeverForASendingCommand() throws Exception {
        try (UnixSocket.Pair pair = UnixSocket.pair(0);
                Arena arena = Arena.ofShared()) {
            SendLock lock = new SendLock(pair.first(), Duration.ofMillis(10));
            MemorySegment message = arena.allocate(MORE_THAN_A_SOCKET_TAKES);
            FutureTask<Errno> command = new FutureTask<>(() -> {
                try {
                    lock.command(message, Deadline.in(Duration.ofMinutes(1)));
                    return null;
                } catch (ErrnoException e) {
                    return e.errno();
                }
            });
            Thread.ofPlatform().daemon().start(command);
            assertEquals(1, pair.second().receive(arena.allocate(1), 0, 1, 0));
            Thread.currentThread().interrupt();
            lock.answer(message, 1, List.of(), false);
            assertTrue(Thread.interrupted());
            assertEquals(Errno.EIO, command.get(1, TimeUnit.MINUTES), "the connection has ended");
        }
    }

    @Test
    void answersAreSentTogether() throws Exception {
        try (UnixSocket.Pair pair = UnixSocket.pair(0);
                Arena arena = Arena.ofConfined()) {
            SendLock lock = new SendLock(pair.first(), Duration.ofMinutes(1));
            MemorySegment message = arena.allocate(16);
            MemorySegment received = arena.allocate(64);
            lock.answer(message, 16, List.of(), true);
            lock.answer(message, 8, List.of(), true);
            assertEquals(0, pair.second().tryReceive(received, 0, 64));
            lock.answer(message, 4, List.of(), false);
            assertEquals(16 + 8 + 4, pair.second().tryReceive(received, 0, 64));
        }
    }

    /** The client may need them to answer the command. */
    @Test
    void waitingAnswersPrecedeACommand() throws Exception {
        try (UnixSocket.Pair pair = UnixSocket.pair(0);
                Arena arena = Arena.ofConfined()) {
            SendLock lock = new SendLock(pair.first(), Duration.ofMinutes(1));
            MemorySegment message = arena.allocate(16);
            MemorySegment received = arena.allocate(64);
            lock.answer(message, 16, List.of(), true);
            lock.command(message, Deadline.in(Duration.ofMinutes(1)));
            assertEquals(32, pair.second().tryReceive(received, 0, 64));
        }
    }

    @Test
    void waitingAnswersAreSentBeforeTheNextWait() throws Exception {
        try (UnixSocket.Pair pair = UnixSocket.pair(0);
                Arena arena = Arena.ofConfined()) {
            SendLock lock = new SendLock(pair.first(), Duration.ofMinutes(1));
            MemorySegment message = arena.allocate(16);
            MemorySegment received = arena.allocate(64);
            lock.answer(message, 16, List.of(), true);
            assertTrue(lock.awaitInput(Duration.ofMinutes(1)));
            assertEquals(16, pair.second().tryReceive(received, 0, 64));
        }
    }

    /** A batch is limited: a client gets the first answer long before its last command is executed. */
    @Test
    void largeBatchIsSent() throws Exception {
        try (UnixSocket.Pair pair = UnixSocket.pair(0);
                Arena arena = Arena.ofConfined()) {
            SendLock lock = new SendLock(pair.first(), Duration.ofMinutes(1));
            MemorySegment message = arena.allocate(1024);
            MemorySegment received = arena.allocate(8192);
            for (int i = 0; i < 5; i++) {
                lock.answer(message, 1024, List.of(), true);
            }
            assertEquals(5 * 1024, pair.second().tryReceive(received, 0, 8192));
        }
    }
}
