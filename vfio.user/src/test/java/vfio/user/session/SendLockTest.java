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
import mdev.linux.LinuxException;
import mdev.linux.UnixSocket;
import mdev.sync.Deadline;
import org.junit.jupiter.api.Test;

class SendLockTest {
    private static final int MORE_THAN_A_SOCKET_TAKES = 16 << 20;
    private static final Duration PATIENCE = Duration.ofMinutes(1);

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

    /** A connection whose client receives nothing by itself. */
    private record Connected(UnixSocket.Pair pair, Arena arena, SendLock lock, MemorySegment message)
            implements AutoCloseable {
        static Connected open() throws LinuxException {
            UnixSocket.Pair pair = UnixSocket.pair(0);
            Arena arena = Arena.ofConfined();
            return new Connected(pair, arena, new SendLock(pair.first(), PATIENCE), arena.allocate(1024));
        }

        void answer(long length, boolean more) throws LinuxException {
            lock.answer(message, length, List.of(), more);
        }

        /** The number of bytes that have been sent and not received. */
        long sent() throws LinuxException {
            return pair.second().tryReceive(arena.allocate(8192), 0, 8192);
        }

        @Override
        public void close() {
            pair.close();
            arena.close();
        }
    }

    @Test
    void answersAreSentTogether() throws Exception {
        try (Connected client = Connected.open()) {
            client.answer(16, true);
            client.answer(8, true);
            assertEquals(0, client.sent());
            client.answer(4, false);
            assertEquals(16 + 8 + 4, client.sent());
        }
    }

    /** The client may need them to answer the command. */
    @Test
    void waitingAnswersPrecedeACommand() throws Exception {
        try (Connected client = Connected.open()) {
            client.answer(16, true);
            client.lock.command(client.message, Deadline.in(PATIENCE));
            assertEquals(16 + 1024, client.sent());
        }
    }

    @Test
    void waitingAnswersAreSentBeforeTheNextWait() throws Exception {
        try (Connected client = Connected.open()) {
            client.answer(16, true);
            assertTrue(client.lock.awaitInput(PATIENCE));
            assertEquals(16, client.sent());
        }
    }

    /** A batch is limited: a client gets the first answer long before its last command is executed. */
    @Test
    void largeBatchIsSent() throws Exception {
        try (Connected client = Connected.open()) {
            for (int i = 0; i < 5; i++) {
                client.answer(1024, true);
            }
            assertEquals(5 * 1024, client.sent());
        }
    }
}
