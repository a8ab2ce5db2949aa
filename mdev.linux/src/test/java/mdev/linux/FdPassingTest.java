package mdev.linux;

import static mdev.linux.Answers.EBADF;
import static mdev.linux.Answers.ECONNRESET;
import static mdev.linux.Answers.EPIPE;
import static mdev.linux.Answers.refused;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.FutureTask;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Passing descriptors together with bytes. */
@ExtendWith(NoLeaks.class)
@Timeout(600)
@SuppressWarnings("NullAway.Init")
class FdPassingTest {
    private static final int MAX_FDS = 3;
    private static final int O_CLOEXEC = 02000000;

    private Arena arena;
    private MemorySegment buffer;
    private UnixSocket here;
    private UnixSocket peer;

    /** Files of 1, 2, 3 and 4 bytes: distinguished by their sizes. */
    private List<Fd> files;

    @BeforeEach
    void open() throws LinuxException {
        arena = Arena.ofShared();
        buffer = arena.allocate(64);
        UnixSocket.Pair sockets = UnixSocket.pair(MAX_FDS);
        here = sockets.first();
        peer = sockets.second();
        files = new ArrayList<>();
        for (int size = 1; size <= 4; size++) {
            files.add(MemFd.create("mdev-test", size));
        }
    }

    @AfterEach
    void close() {
        files.forEach(Fd::close);
        here.close();
        peer.close();
        arena.close();
    }

    /** Takes the descriptors of the last receive and returns the files' sizes. */
    private List<Long> takeSizes() throws LinuxException {
        List<Long> sizes = new ArrayList<>();
        for (Fd fd : here.takeFds()) {
            try (fd) {
                sizes.add(fd.stat().size());
            }
        }
        return sizes;
    }

    @Test
    void descriptorsArriveInOrderAndAreClosedOnExec() throws Exception {
        peer.send(buffer, 0, 10, files.subList(0, 3));
        assertEquals(10, here.receive(buffer, 0, 64, 0));
        List<Fd> taken = here.takeFds();
        assertEquals(List.of(), here.takeFds(), "taken once");
        for (int i = 0; i < 3; i++) {
            try (Fd fd = taken.get(i)) {
                assertEquals(files.get(i).stat(), fd.stat());
                String info = Files.readString(Path.of("/proc/self/fdinfo/" + fd.number()));
                String flags = info.lines()
                        .filter(line -> line.startsWith("flags:"))
                        .findFirst()
                        .orElseThrow()
                        .substring("flags:".length());
                assertEquals(O_CLOEXEC, Integer.parseInt(flags.strip(), 8) & O_CLOEXEC);
            }
        }
    }

    @Test
    void readEndsAfterTheBytesThatCarriedDescriptors() throws Exception {
        peer.send(buffer, 0, 2);
        peer.send(buffer, 0, 3, files.subList(0, 1));
        peer.send(buffer, 0, 4);
        peer.send(buffer, 0, 5, files.subList(1, 3));

        assertEquals(2 + 3, here.receive(buffer, 0, 64, 0), "it may begin before them");
        assertEquals(List.of(1L), takeSizes());
        assertEquals(4 + 5, here.receive(buffer, 0, 64, 0));
        assertEquals(List.of(2L, 3L), takeSizes());
    }

    @Test
    void descriptorsComeWithTheFirstByteOfTheirMessage() throws Exception {
        peer.send(buffer, 0, 5, files.subList(0, 1));
        assertEquals(1, here.receive(buffer, 0, 1, 0));
        assertEquals(List.of(1L), takeSizes());
        assertEquals(4, here.receive(buffer, 0, 64, 0));
        assertEquals(List.of(), takeSizes());
    }

    @Test
    void messageSentInPiecesCarriesItsDescriptorsOnce() throws Exception {
        MemorySegment much = arena.allocate(4 << 20);
        FutureTask<Void> sender = Threads.start("fd-sender", () -> {
            peer.send(much, 0, much.byteSize(), files.subList(2, 3));
            return null;
        });
        List<Long> sizes = new ArrayList<>();
        MemorySegment in = arena.allocate(1 << 20);
        for (long done = 0; done < much.byteSize(); ) {
            done += here.receive(in, 0, in.byteSize(), 0);
            sizes.addAll(takeSizes());
        }
        Threads.get(sender);
        assertEquals(List.of(3L), sizes);
    }

    @Test
    void untakenDescriptorsAreClosed() throws Exception {
        int open = NoLeaks.openFds().size();
        peer.send(buffer, 0, 1, files.subList(0, 2));
        here.receive(buffer, 0, 64, 0);
        assertEquals(open + 2, NoLeaks.openFds().size());
        assertEquals(0, here.tryReceive(buffer, 0, 64));
        assertEquals(open, NoLeaks.openFds().size(), "by the next receive");
        peer.send(buffer, 0, 1, files.subList(0, 2));
        here.receive(buffer, 0, 64, 0);
        here.close();
        assertEquals(open - 1, NoLeaks.openFds().size(), "by the close");
    }

    /** An odd limit is critical: the padding of CMSG_SPACE would have room for one more descriptor. */
    @ParameterizedTest
    @CsvSource({"0, 1", "1, 2", "2, 3", "3, 4"})
    void excessDescriptorsAreClosedAndTheConnectionStays(int allowed, int sent) throws Exception {
        try (UnixSocket.Pair pair = UnixSocket.pair(4);
                UnixSocket receiver = UnixSocket.adopt(pair.first().fd().dup(), allowed)) {
            int open = NoLeaks.openFds().size();
            pair.second().send(buffer, 0, 1, files.subList(0, sent));
            assertEquals(1, receiver.receive(buffer, 0, 64, 0));
            assertTrue(receiver.fdsLost(), "the receiver is told");
            assertEquals(open, NoLeaks.openFds().size());
            assertEquals(List.of(), receiver.takeFds());

            pair.second().send(buffer, 0, 7, files.subList(0, allowed));
            assertEquals(7, receiver.receive(buffer, 0, 64, 0));
            assertFalse(receiver.fdsLost());
            List<Fd> fds = receiver.takeFds();
            assertEquals(allowed, fds.size());
            fds.forEach(Fd::close);
        }
    }

    @Test
    void rejectsUnsendableDescriptorsBeforeSending() throws Exception {
        assertThrows(IllegalArgumentException.class, () -> peer.send(buffer, 0, 1, files));
        assertThrows(IllegalArgumentException.class, () -> peer.send(buffer, 0, 0, files.subList(0, 1)));
        files.get(0).close();
        refused(EBADF, () -> peer.send(buffer, 0, 1, files.subList(0, 1)));
        assertEquals(0, here.tryReceive(buffer, 0, 64));
        assertThrows(IllegalArgumentException.class, () -> UnixSocket.pair(254));
    }

    /** Descriptors received while the socket is being closed are closed by either the receiver or the closer. */
    @Test
    void closeDuringReceivesLosesNoDescriptor() throws Exception {
        for (int round = 0; round < 500; round++) {
            UnixSocket.Pair pair = UnixSocket.pair(MAX_FDS);
            FutureTask<Void> sender = Threads.start("flood-sender", () -> {
                LinuxException end = assertThrows(LinuxException.class, () -> {
                    for (; ; ) {
                        pair.second().send(buffer, 0, 8, files.subList(0, 3));
                    }
                });
                assertTrue(Set.of(EPIPE, ECONNRESET).contains(end.errno()), end.getMessage());
                return null;
            });
            AtomicBoolean closing = new AtomicBoolean();
            AtomicLong received = new AtomicLong();
            FutureTask<Void> receiver = Threads.start("flood-receiver", () -> {
                // Returns without another receive, which would close the descriptors not taken.
                while (!closing.get() && pair.first().receive(buffer, 32, 8, 2) != UnixSocket.END) {
                    received.incrementAndGet();
                }
                return null;
            });
            Threads.await("descriptors come", () -> received.get() > 0);
            closing.set(true);
            pair.first().close();
            Threads.get(sender);
            Threads.get(receiver);
            pair.second().close();
        }
    }
}
