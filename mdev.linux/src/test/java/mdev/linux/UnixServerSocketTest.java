package mdev.linux;

import static mdev.linux.Answers.EADDRINUSE;
import static mdev.linux.Answers.EBADF;
import static mdev.linux.Answers.ECONNREFUSED;
import static mdev.linux.Answers.ECONNRESET;
import static mdev.linux.Answers.ENAMETOOLONG;
import static mdev.linux.Answers.ENOENT;
import static mdev.linux.Answers.refused;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.concurrent.FutureTask;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;

@ExtendWith(NoLeaks.class)
@Timeout(600)
@SuppressWarnings("NullAway.Init")
class UnixServerSocketTest {
    private static final Duration LONG = Duration.ofHours(1);

    @TempDir
    private Path directory;

    private Path path(String name) {
        return directory.resolve(name);
    }

    @Test
    void clientsConnectAndTalk() throws Exception {
        try (UnixServerSocket server = UnixServerSocket.listen(path("s"), 5, 2);
                Arena arena = Arena.ofConfined();
                Fd file = MemFd.create("mdev-test", 9)) {
            assertTrue(server.tryAccept().isEmpty());
            try (UnixSocket client = UnixSocket.connect(server.path(), 2);
                    UnixSocket connection = server.accept(LONG).orElseThrow()) {
                MemorySegment buffer = arena.allocateFrom("hello");
                client.send(buffer, 0, 5, java.util.List.of(file));
                assertEquals(5, connection.receive(buffer, 0, 6, 0));
                try (Fd received = connection.takeFds().getFirst()) {
                    assertEquals(file.stat(), received.stat());
                }
                assertEquals(
                        ProcessHandle.current().pid(),
                        connection.peerCredentials().pid());
            }
            assertTrue(server.accept(Duration.ofMillis(1)).isEmpty(), "no other");
        }
    }

    @Test
    void pathIsOnlyForItsOwnerAndRemovedOnClose() throws Exception {
        UnixServerSocket server = UnixServerSocket.listen(path("s"), 5, 0);
        assertEquals("rw-------", PosixFilePermissions.toString(Files.getPosixFilePermissions(path("s"))));
        server.close();
        assertFalse(Files.exists(path("s")));
        server.close();
        refused(EBADF, server::tryAccept);
    }

    @Test
    void pathCanBeBoundOnce() throws Exception {
        try (UnixServerSocket server = UnixServerSocket.listen(path("s"), 5, 0)) {
            refused(EADDRINUSE, () -> UnixServerSocket.listen(path("s"), 5, 0));
            assertTrue(Files.exists(server.path()), "the first one's path stays");
        }
        refused(ENOENT, () -> UnixServerSocket.listen(path("no/such/directory"), 5, 0));
    }

    @Test
    void longestPathWorksAndALongerOneNamesTheLimit() throws Exception {
        int room = UnixServerSocket.MAX_PATH - path("x").toString().length() + 1;
        try (UnixServerSocket server = UnixServerSocket.listen(path("x".repeat(room)), 5, 0)) {
            UnixSocket.connect(server.path(), 0).close();
        }
        Path tooLong = path("x".repeat(room - 1) + "ä");
        assertTrue(refused(ENAMETOOLONG, () -> UnixServerSocket.listen(tooLong, 5, 0))
                .contains("108 bytes, a UNIX socket path at most 107"));
        refused(ENAMETOOLONG, () -> UnixSocket.connect(tooLong, 0));
    }

    @Test
    void connectFailsWithoutAListener() throws Exception {
        refused(ENOENT, () -> UnixSocket.connect(path("s"), 0));
        try (UnixServerSocket server = UnixServerSocket.listen(path("s"), 5, 0)) {
            Files.createLink(path("stale"), server.path());
        }
        refused(ECONNREFUSED, () -> UnixSocket.connect(path("stale"), 0));
        Files.delete(path("stale"));
    }

    @Test
    void closeWakesTheAccepterAndRejectsPendingClients() throws Exception {
        UnixServerSocket server = UnixServerSocket.listen(path("s"), 5, 0);
        FutureTask<String> accepter = Threads.start("accepter", () -> refused(EBADF, () -> server.accept(LONG)));
        Threads.awaitAsleep("accepter");
        server.close();
        Threads.get(accepter);

        UnixServerSocket busy = UnixServerSocket.listen(path("s"), 5, 0);
        try (UnixSocket client = UnixSocket.connect(path("s"), 0);
                Arena arena = Arena.ofConfined()) {
            busy.close();
            refused(ECONNRESET, () -> client.receive(arena.allocate(1), 0, 1, 0));
        }
    }
}
