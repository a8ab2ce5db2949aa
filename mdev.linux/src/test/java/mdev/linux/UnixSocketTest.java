package mdev.linux;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.nio.charset.StandardCharsets.US_ASCII;
import static mdev.linux.Answers.EPIPE;
import static mdev.linux.Answers.ETIMEDOUT;
import static mdev.linux.Answers.refused;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.Random;
import java.util.concurrent.FutureTask;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Bytes, the end of the stream, and the events that end a wait. For descriptors see {@link FdPassingTest}. */
@ExtendWith(NoLeaks.class)
@Timeout(600)
@SuppressWarnings("NullAway.Init")
class UnixSocketTest {
    private Arena arena;
    private MemorySegment buffer;
    private UnixSocket here;
    private UnixSocket peer;

    @BeforeEach
    void open() throws LinuxException {
        arena = Arena.ofShared();
        buffer = arena.allocate(64).fill((byte) '.');
        UnixSocket.Pair sockets = UnixSocket.pair(1);
        here = sockets.first();
        peer = sockets.second();
    }

    @AfterEach
    void close() {
        here.close();
        peer.close();
        arena.close();
    }

    private void peerSends(String text) throws LinuxException {
        peer.send(arena.allocateFrom(text), 0, text.length());
    }

    private String text(long offset, long length) {
        return new String(buffer.asSlice(offset, length).toArray(JAVA_BYTE), US_ASCII);
    }

    /** Closing a socket whose descriptor is shared would end the connection for both owners. */
    @Test
    void releasedSocketKeepsItsDescriptorOpen() throws Exception {
        try (Fd released = peer.release()) {
            peer.close();
            here.send(buffer, 0, 3);
            try (UnixSocket again = UnixSocket.adopt(released, 1)) {
                assertEquals(3, again.receive(buffer, 0, 64, 0));
                assertEquals("...", text(0, 3));
            }
            assertEquals(UnixSocket.END, here.receive(buffer, 0, 64, 0));
        }
    }

    @Test
    void readTakesAtMostTheBuffer() throws Exception {
        peerSends("abc");
        peerSends("defgh");
        assertEquals(6, here.receive(buffer, 0, 6, 0));
        assertEquals("abcdef", text(0, 6));
        assertEquals(2, here.receive(buffer, 0, 64, 10));
        assertEquals("gh", text(0, 2));
    }

    @Test
    void transfersRespectTheOffset() throws Exception {
        peerSends("xyz");
        assertEquals(2, here.receive(buffer, 3, 2, 0));
        assertEquals("...xy...", text(0, 8));
        here.send(buffer, 2, 4);
        assertEquals(4, peer.receive(buffer, 60, 4, 0));
        assertEquals(".xy.", text(60, 4));
        assertThrows(IndexOutOfBoundsException.class, () -> here.receive(buffer, 60, 5, 0));
        assertThrows(IndexOutOfBoundsException.class, () -> here.send(buffer, -1, 5));
        assertThrows(IllegalArgumentException.class, () -> here.receive(buffer, 0, 0, 0));
    }

    @Test
    void rejectsUnusableMemory() throws Exception {
        peerSends("x");
        assertThrows(IllegalArgumentException.class, () -> here.receive(buffer.asReadOnly(), 0, 1, 0));
        MemorySegment heap = MemorySegment.ofArray(new byte[8]);
        assertThrows(IllegalArgumentException.class, () -> here.receive(heap, 0, 8, 0));
        assertThrows(IllegalArgumentException.class, () -> here.send(heap, 0, 8));
        Arena closed = Arena.ofShared();
        MemorySegment gone = closed.allocate(8);
        closed.close();
        assertThrows(IllegalStateException.class, () -> here.receive(gone, 0, 8, 0));
        assertThrows(IllegalStateException.class, () -> here.send(gone, 0, 8));
        assertEquals(1, here.receive(buffer, 0, 8, 0), "nothing was lost");
    }

    @Test
    void receiveWithoutBytesReturnsZero() throws Exception {
        assertEquals(0, here.tryReceive(buffer, 0, 64));
        here.setReceiveTimeout(Duration.ofNanos(1));
        assertEquals(0, here.receive(buffer, 0, 64, 3), "the time ran out");
        peerSends("x");
        assertEquals(1, here.receive(buffer, 0, 64, 0));
    }

    @Test
    void closedPeerEndsTheStreamAfterItsBytes() throws Exception {
        peerSends("bye");
        peer.close();
        assertEquals(3, here.receive(buffer, 0, 64, 0));
        assertEquals(UnixSocket.END, here.receive(buffer, 0, 64, 0));
        assertEquals(UnixSocket.END, here.tryReceive(buffer, 0, 64));
        refused(EPIPE, () -> here.send(buffer, 0, 1));
    }

    @Test
    void manyMebibytesArriveInPieces() throws Exception {
        byte[] bytes = new byte[8 << 20];
        new Random(2).nextBytes(bytes);
        MemorySegment out = arena.allocateFrom(JAVA_BYTE, bytes);
        FutureTask<Void> sender = Threads.start("bulk-sender", () -> {
            peer.send(out, 0, out.byteSize());
            return null;
        });
        MemorySegment in = arena.allocate(bytes.length);
        for (long done = 0; done < bytes.length; ) {
            done += here.receive(in, done, bytes.length - done, 0);
        }
        Threads.get(sender);
        assertEquals(-1, out.mismatch(in));
    }

    @Test
    void senderTimesOutIfThePeerDoesNotRead() throws Exception {
        here.setSendTimeout(Duration.ofMillis(1));
        MemorySegment much = arena.allocate(8 << 20);
        refused(ETIMEDOUT, () -> here.send(much, 0, much.byteSize()));
    }

    /** The events that end a wait. */
    enum Ending {
        SHUTDOWN,
        CLOSE,
        PEER_SHUTDOWN,
        PEER_CLOSE
    }

    private void end(Ending ending) {
        switch (ending) {
            case SHUTDOWN -> here.shutdown();
            case CLOSE -> here.close();
            case PEER_SHUTDOWN -> peer.shutdown();
            case PEER_CLOSE -> peer.close();
        }
    }

    @ParameterizedTest
    @EnumSource
    void shutdownWakesABlockedReceiver(Ending ending) throws Exception {
        FutureTask<Long> receiver = Threads.start("blocked-recv", () -> here.receive(buffer, 0, 64, 0));
        Threads.awaitAsleep("blocked-recv");
        end(ending);
        assertEquals(UnixSocket.END, Threads.get(receiver));
        assertEquals(UnixSocket.END, here.receive(buffer, 0, 64, 0), "and it stays so");
        refused(EPIPE, () -> here.send(buffer, 0, 1));
    }

    @ParameterizedTest
    @EnumSource
    void shutdownWakesABlockedSender(Ending ending) throws Exception {
        MemorySegment much = arena.allocate(8 << 20);
        FutureTask<Void> sender = Threads.start("blocked-send", () -> {
            refused(EPIPE, () -> here.send(much, 0, much.byteSize()));
            return null;
        });
        Threads.awaitAsleep("blocked-send");
        end(ending);
        Threads.get(sender);
    }

    @Test
    void socketShutForReadingStillReadsEarlierBytesAndAnswers() throws Exception {
        peerSends("abc");
        here.shutdownReceive();
        assertThrows(LinuxException.class, () -> peerSends("d"));
        assertEquals(3, here.receive(buffer, 0, 64, 0));
        here.send(buffer, 0, 3);
        assertEquals(UnixSocket.END, here.receive(buffer, 0, 64, 0));
        assertEquals(3, peer.receive(buffer, 8, 56, 0));
        assertEquals("abc", text(8, 3));
    }

    @Test
    void shutdownAfterCloseIsHarmless() throws Exception {
        try (UnixSocket.Pair other = UnixSocket.pair(0)) {
            int number = here.fd().number();
            here.close();
            here.close();
            try (UnixSocket next =
                    UnixSocket.adopt(Numbers.reuse(number, other.first().fd()::dup), 0)) {
                here.shutdown();
                other.second().send(buffer, 0, 1);
                assertEquals(1, next.receive(buffer, 0, 1, 0), "the next owner's connection lives");
            }
        }
    }

    @Test
    void peerIsThisProcess() throws Exception {
        assertEquals(ProcessHandle.current().pid(), here.peerCredentials().pid());
    }

    @Test
    void roundTripsAllocateNothing() throws Exception {
        Allocation.assertNone(() -> {
            here.send(buffer, 0, 32);
            peer.receive(buffer, 32, 32, 4);
            peer.send(buffer, 32, 32);
            here.receive(buffer, 0, 32, 4);
        });
    }
}
