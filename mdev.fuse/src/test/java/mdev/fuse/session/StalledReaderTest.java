package mdev.fuse.session;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import mdev.api.errno.ErrnoException;
import mdev.fuse.wire.Reply;
import mdev.linux.UnixSocket;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The leader loses the processor between the announcement of a call and the call. */
final class StalledReaderTest {
    /** Longer than the reader that stands by looks for a call before it sleeps. */
    private static final Duration STALL = Duration.ofMillis(200);

    private final CountDownLatch leave = new CountDownLatch(1);
    private final CountDownLatch served = new CountDownLatch(1);

    /** Requests without end; the stalled one comes first, or after one that hangs. */
    private final class Endless implements Readers.Receiver {
        private final AtomicInteger number = new AtomicInteger();
        private final int stalled;
        private @Nullable Readers readers;

        Endless(int stalled) {
            this.stalled = stalled;
        }

        @Override
        public Readers.@Nullable Call receive() {
            int request = number.getAndIncrement();
            if (request > stalled) {
                served.countDown();
                return null;
            }
            try {
                if (readers != null) {
                    readers.prepareCall();
                }
            } catch (ErrnoException e) {
                throw new AssertionError(e);
            }
            if (request == stalled) {
                LockSupport.parkNanos(STALL.toNanos());
            }
            return this::hang;
        }

        private @Nullable MemorySegment hang(Reply reply) {
            try {
                leave.await();
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
            return null;
        }

        @Override
        public void ended() {}
    }

    /** @param stalled the number of calls before it, after which the reader that stands by leads at once */
    @ParameterizedTest
    @ValueSource(ints = {0, 1})
    void callAfterAStallBlocksNoOtherRequest(int stalled) throws Exception {
        try (UnixSocket.Pair pair = UnixSocket.pair(0);
                Arena arena = Arena.ofConfined()) {
            Channel channel = new Channel(pair.first().fd().dup());
            pair.second().send(arena.allocate(JAVA_BYTE), 0, 1); // never received: the channel is always ready
            Endless requests = new Endless(stalled);
            Readers readers = new Readers(channel, requests);
            requests.readers = readers;
            readers.start();
            try {
                assertTrue(served.await(60, TimeUnit.SECONDS), "the request after the call");
            } finally {
                leave.countDown();
                channel.end();
                readers.close();
                channel.close();
            }
        }
    }
}
