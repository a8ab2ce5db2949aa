package mdev.console.control;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.Stream;
import mdev.console.Await;
import mdev.console.engine.TestPlatform;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

@Timeout(300)
class ControlServerTest {
    private static final ControlLimits LIMITS = new ControlLimits(8, 8);

    @TempDir
    private Path temp;

    private final TestPlatform platform = new TestPlatform();
    private RunDirectory directory;
    private ControlServer server;

    @BeforeEach
    void open() throws IOException {
        directory = RunDirectory.open(temp.resolve("run"));
        server = ControlServer.open(directory, platform::shell, () -> LIMITS);
    }

    @AfterEach
    void close() throws IOException {
        server.close();
        directory.close();
        platform.close();
    }

    private Wire connect() throws IOException {
        return Wire.connect(server.socket());
    }

    private static Frame next(Wire wire) throws IOException {
        Frame frame = wire.read();
        assertNotNull(frame, "the server closed the connection");
        return frame;
    }

    private static void expect(Wire wire, FrameType type, String text) throws IOException {
        Frame frame = next(wire);
        assertEquals(type + " " + text, frame.type() + " " + frame.text());
    }

    /** Closing a socket with bytes unread resets it. */
    private static void expectEnd(Wire wire) {
        try {
            assertNull(wire.read());
        } catch (IOException e) {
            assertEquals("Connection reset", e.getMessage());
        }
    }

    /** Output may come in any number of frames. */
    private static String read(Wire wire, FrameType type, int bytes) throws IOException {
        StringBuilder text = new StringBuilder();
        while (text.length() < bytes) {
            Frame frame = next(wire);
            assertEquals(type, frame.type(), frame.text());
            text.append(frame.text());
        }
        return text.toString();
    }

    private static void expectStatus(Wire wire, int status) throws IOException {
        Frame frame = next(wire);
        assertEquals(FrameType.STATUS, frame.type(), frame.text());
        assertEquals(status, frame.numbers().getInt());
    }

    @Test
    void socketIsOnlyForItsOwner() throws Exception {
        assertEquals("rw-------", PosixFilePermissions.toString(Files.getPosixFilePermissions(server.socket())));
        try (Stream<Path> files = Files.list(directory.path())) {
            assertEquals(2, files.count(), "nothing but the socket and the lock");
        }
        server.close();
        assertFalse(Files.exists(server.socket()));
    }

    @Test
    void runsLinesAndSeparatesOutputFromErrors() throws Exception {
        try (Wire wire = connect()) {
            wire.write(Frame.of(FrameType.RUN, "mdev:echo a; mdev:fail; mdev:echo b"));
            assertEquals("a\n", read(wire, FrameType.OUT, 2));
            assertEquals("mdev:fail: it is in use (EBUSY)\n", read(wire, FrameType.ERR, 32));
            assertEquals("b\n", read(wire, FrameType.OUT, 2));
            expectStatus(wire, 1);
            wire.write(Frame.of(FrameType.RUN, "exit 7"));
            Frame status = next(wire);
            assertEquals(7, status.numbers().getInt());
            assertEquals(1, status.payload()[4]);
        }
    }

    @Test
    void requestsInputOnlyForAReadingCommand() throws Exception {
        try (Wire wire = connect()) {
            wire.write(Frame.of(FrameType.RUN, "mdev:echo a"));
            assertEquals("a\n", read(wire, FrameType.OUT, 2));
            expectStatus(wire, 0);
            wire.write(Frame.of(FrameType.RUN, "mdev:cat"));
            expect(wire, FrameType.READ, "");
            wire.write(Frame.of(FrameType.STDIN, "typed"));
            assertEquals("typed", read(wire, FrameType.OUT, 5));
            expect(wire, FrameType.READ, "");
            wire.write(Frame.of(FrameType.EOF));
            expectStatus(wire, 0);
            // The end of the input of one command does not affect the next command.
            wire.write(Frame.of(FrameType.RUN, "mdev:cat"));
            expect(wire, FrameType.READ, "");
            wire.write(Frame.of(FrameType.EOF));
            expectStatus(wire, 0);
        }
    }

    @Test
    void queueingTooManyLinesEndsTheConnection() throws Exception {
        try (Wire wire = connect()) {
            wire.write(Frame.of(FrameType.RUN, "mdev:monitor"));
            assertEquals("monitoring\n", read(wire, FrameType.OUT, 11));
            for (int i = 0; i <= LIMITS.lines(); i++) {
                wire.write(Frame.of(FrameType.RUN, "mdev:echo a"));
            }
            expect(wire, FrameType.ERR, "mdev: protocol error: 8 lines wait already (mdev.console.maxQueuedLines)\n");
            expectStatus(wire, 130);
            expectEnd(wire);
        }
    }

    /** Otherwise its answers would wait in the server's memory. */
    @Test
    void clientThatDoesNotReadFillsNoMemory() throws Exception {
        try (Wire wire = connect()) {
            IOException ended = assertThrows(IOException.class, () -> {
                for (; ; ) {
                    wire.write(Frame.of(FrameType.COMPLETE, "mdev:create "));
                }
            });
            assertTrue(ended.toString().matches(".*(Broken pipe|Connection reset.*)"), ended.toString());
        }
    }

    @Test
    void unrequestedInputEndsTheConnection() throws Exception {
        try (Wire wire = connect()) {
            wire.write(Frame.of(FrameType.STDIN, "typed"));
            expect(wire, FrameType.ERR, "mdev: protocol error: input that was not asked for\n");
            expectEnd(wire);
        }
    }

    @Test
    void oneClientTooManyReceivesTheReason() throws Exception {
        List<Wire> clients = new ArrayList<>();
        try {
            for (int i = 0; i < LIMITS.clients(); i++) {
                Wire wire = connect();
                clients.add(wire);
                wire.write(Frame.of(FrameType.RUN, "mdev:echo a"));
                assertEquals("a\n", read(wire, FrameType.OUT, 2));
            }
            try (Wire wire = connect()) {
                expect(wire, FrameType.ERR, "mdev: there are 8 clients already (mdev.console.maxClients)\n");
                expectStatus(wire, 1);
                expectEnd(wire);
            }
        } finally {
            for (Wire wire : clients) {
                wire.close();
            }
        }
    }

    @Test
    void completes() throws Exception {
        try (Wire wire = connect()) {
            wire.write(Frame.of(FrameType.COMPLETE, "mdev:create "));
            expect(wire, FrameType.CANDIDATES, "mtty\t\t0\ngpu0\t\t0\nodd name\t\t0");
            wire.write(Frame.of(FrameType.COMPLETE, "nope "));
            expect(wire, FrameType.CANDIDATES, "");
        }
    }

    @Test
    void terminalHasASizeAndARawMode() throws Exception {
        try (Wire wire = connect()) {
            wire.write(Frame.of(FrameType.RUN, "mdev:size"));
            assertEquals("Size[columns=80, rows=24] false\n", read(wire, FrameType.OUT, 32));
            expectStatus(wire, 0);
            wire.write(Frame.resize(100, 50));
            wire.write(Frame.of(FrameType.RUN, "mdev:size"));
            assertEquals(1, next(wire).payload()[0]);
            assertEquals("Size[columns=100, rows=50] true\n", read(wire, FrameType.OUT, 32));
            expectStatus(wire, 0);
        }
    }

    @Test
    void interruptReachesTheCommand() throws Exception {
        try (Wire wire = connect()) {
            wire.write(Frame.of(FrameType.RUN, "mdev:monitor"));
            assertEquals("monitoring\n", read(wire, FrameType.OUT, 11));
            wire.write(Frame.of(FrameType.INTERRUPT));
            expectStatus(wire, 130);
            wire.write(Frame.of(FrameType.RUN, "mdev:echo on"));
            assertEquals("on\n", read(wire, FrameType.OUT, 3));
        }
    }

    @Test
    void killedClientInterruptsItsCommand() throws Exception {
        try (Wire wire = connect()) {
            wire.write(Frame.of(FrameType.RUN, "mdev:monitor"));
            Await.until("monitoring", platform.monitoring);
        }
        Await.until("interrupted", platform.interrupted);
    }

    @Test
    void killedClientInterruptsAReadingCommand() throws Exception {
        try (Wire wire = connect()) {
            wire.write(Frame.of(FrameType.RUN, "mdev:cat"));
            expect(wire, FrameType.READ, "");
        }
        threadsEnd();
    }

    @Test
    void clientThatDoesNotReadDelaysNoOtherClient() throws Exception {
        try (Wire deaf = connect();
                Wire other = connect()) {
            deaf.write(Frame.of(FrameType.RUN, ("mdev:echo " + "x".repeat(4096) + ";").repeat(250)));
            other.write(Frame.of(FrameType.RUN, "mdev:echo on"));
            assertEquals("on\n", read(other, FrameType.OUT, 3));
            expectStatus(other, 0);
        }
        threadsEnd();
    }

    @Test
    void servesSeveralClientsAtOnce() throws Exception {
        try (Wire first = connect();
                Wire second = connect()) {
            first.write(Frame.of(FrameType.RUN, "mdev:monitor"));
            assertEquals("monitoring\n", read(first, FrameType.OUT, 11));
            second.write(Frame.of(FrameType.RUN, "mdev:echo two"));
            assertEquals("two\n", read(second, FrameType.OUT, 4));
            expectStatus(second, 0);
            first.write(Frame.of(FrameType.INTERRUPT));
            expectStatus(first, 130);
        }
    }

    @Test
    void reportsTheEndOfTheServer() throws Exception {
        try (Wire idle = connect();
                Wire busy = connect()) {
            busy.write(Frame.of(FrameType.RUN, "mdev:monitor"));
            assertEquals("monitoring\n", read(busy, FrameType.OUT, 11));
            server.close();
            expectStatus(busy, 130);
            assertNull(busy.read());
            assertNull(idle.read());
        }
        threadsEnd();
    }

    /** The session does not wait for it, and once it continues, its output does not wait for a reader. */
    @Test
    void endlessCommandIsLeftBehind() throws Exception {
        try (Wire gone = connect()) {
            gone.write(Frame.of(FrameType.RUN, "mdev:hang"));
            assertEquals("hanging\n", read(gone, FrameType.OUT, 8));
        }
        Await.until("its session is over", () -> threads().noneMatch(name -> name.matches(".*-(reader|writer)")));
        try (Wire first = connect();
                Wire second = connect()) {
            for (Wire client : List.of(first, second)) {
                client.write(Frame.of(FrameType.RUN, "mdev:hang"));
                assertEquals("hanging\n", read(client, FrameType.OUT, 8));
            }
            server.close();
            expectEnd(first);
            expectEnd(second);
        }
        Await.until("only the commands are left", () -> threads().count() == 3);
        platform.released.countDown();
        threadsEnd();
    }

    record BadFrame(String bytes, String complaint) {}

    static Stream<BadFrame> badFrames() {
        return Stream.of(
                new BadFrame("00 00000000", "no frame type 0"),
                new BadFrame("ff 00000000", "no frame type 255"),
                new BadFrame("41 00000000", "no frame type 65"),
                new BadFrame("02 00100001", "length 1048577 in a frame of type RUN"),
                new BadFrame("02 ffffffff", "length 4294967295 in a frame of type RUN"),
                new BadFrame("02 80000000", "length 2147483648 in a frame of type RUN"),
                new BadFrame("03 00000000", "length 0 in a frame of type STDIN"),
                new BadFrame("05 00000001 00", "length 1 in a frame of type INTERRUPT"),
                new BadFrame("07 00000004 00000050", "length 4 in a frame of type RESIZE"),
                new BadFrame("01 00000001 00", "no directory: Nul character not allowed"));
    }

    @ParameterizedTest
    @MethodSource("badFrames")
    void invalidFrameIsAnsweredAndEndsTheConnection(BadFrame bad) throws Exception {
        try (SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX)) {
            channel.connect(UnixDomainSocketAddress.of(server.socket()));
            channel.write(ByteBuffer.wrap(HexFormat.of().parseHex(bad.bytes().replace(" ", ""))));
            Wire wire = new Wire(channel, false);
            expect(wire, FrameType.ERR, "mdev: protocol error: " + bad.complaint() + "\n");
            expectEnd(wire);
        }
        try (Wire wire = connect()) {
            wire.write(Frame.of(FrameType.RUN, "mdev:echo others live on"));
            assertEquals("others|live|on\n", read(wire, FrameType.OUT, 15));
        }
    }

    @Test
    void brokenConnectionWithinAFrameLeavesNothing() throws Exception {
        try (SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX)) {
            channel.connect(UnixDomainSocketAddress.of(server.socket()));
            channel.write(ByteBuffer.wrap(new byte[] {2, 0, 0, 0, 9, 'm'}));
        }
        threadsEnd();
    }

    @Test
    void replacesAStaleSocket() throws Exception {
        server.close();
        try (ServerSocketChannel dead = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
            dead.bind(UnixDomainSocketAddress.of(server.socket()));
        }
        assertThrows(IOException.class, this::connect);
        server = ControlServer.open(directory, platform::shell, () -> LIMITS);
        try (Wire wire = connect()) {
            wire.write(Frame.of(FrameType.RUN, "mdev:echo on"));
            assertEquals("on\n", read(wire, FrameType.OUT, 3));
        }
    }

    @Test
    void relativeNamesStartInTheClientsDirectory() throws Exception {
        try (Wire wire = connect()) {
            wire.write(new Frame(FrameType.DIRECTORY, "/else/where".getBytes(StandardCharsets.UTF_8)));
            wire.write(Frame.of(FrameType.RUN, "mdev:where"));
            assertEquals("/else/where\n", read(wire, FrameType.OUT, 12));
        }
    }

    private static Stream<String> threads() {
        return Thread.getAllStackTraces().keySet().stream()
                .map(Thread::getName)
                .filter(name -> name.startsWith("mdev-control-"));
    }

    private static void threadsEnd() {
        Await.until("all sessions are over", () -> threads().findAny().isEmpty());
    }
}
