package mdev.fuse.uevent;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.BufferedReader;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.Channels;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SequencedMap;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import mdev.api.Uevent;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Readers that use the JDK's sockets. */
final class UeventStreamTest {
    /** More than a reader's queue and its socket can hold. */
    private static final int FLOOD = 40_000;

    private static final Pattern LOST = Pattern.compile("\\{\"LOST\":\"(\\d+)\"}");

    @TempDir
    private Path run;

    private UeventStream stream;

    @BeforeEach
    void open() {
        stream = new UeventStream(run.resolve("uevents"));
        stream.listen();
    }

    @AfterEach
    void close() {
        stream.close();
        assertFalse(Files.exists(run.resolve("uevents")));
        await(() -> stream.readers() == 0);
    }

    private static Uevent event(int seqnum) {
        SequencedMap<String, String> env = new LinkedHashMap<>();
        env.put("ACTION", "add");
        env.put("DEVPATH", "/devices/a \"quoted\" name");
        env.put("SEQNUM", Integer.toString(seqnum));
        return new Uevent("add", "/devices/x", env);
    }

    private static String line(int seqnum) {
        return "{\"ACTION\":\"add\",\"DEVPATH\":\"/devices/a \\\"quoted\\\" name\",\"SEQNUM\":\"" + seqnum + "\"}";
    }

    private SocketChannel connect() throws Exception {
        int before = stream.readers();
        SocketChannel socket = SocketChannel.open(StandardProtocolFamily.UNIX);
        socket.connect(UnixDomainSocketAddress.of(run.resolve("uevents")));
        await(() -> stream.readers() == before + 1);
        return socket;
    }

    private static BufferedReader lines(SocketChannel socket) {
        return new BufferedReader(Channels.newReader(socket, UTF_8));
    }

    private static void await(BooleanSupplier condition) {
        long end = System.nanoTime() + 60_000_000_000L;
        while (!condition.getAsBoolean()) {
            assertTrue(System.nanoTime() < end, "waited in vain");
            LockSupport.parkNanos(1_000_000);
        }
    }

    @Test
    void everyReaderReceivesEachEventAsOneLine() throws Exception {
        try (SocketChannel one = connect();
                SocketChannel two = connect()) {
            stream.uevent(event(1));
            stream.uevent(event(2));

            for (BufferedReader reader : new BufferedReader[] {lines(one), lines(two)}) {
                assertEquals(line(1), reader.readLine());
                assertEquals(line(2), reader.readLine());
            }
        }
        await(() -> stream.readers() == 0);
        stream.uevent(event(3));
    }

    @Test
    void streamDisconnectsOneReaderTooMany() throws Exception {
        stream.configure(Map.of("maxReaders", 2));
        try (SocketChannel one = connect();
                SocketChannel _ = connect();
                SocketChannel three = SocketChannel.open(StandardProtocolFamily.UNIX)) {
            three.connect(UnixDomainSocketAddress.of(run.resolve("uevents")));
            assertNull(lines(three).readLine());
            stream.uevent(event(1));
            assertEquals(line(1), lines(one).readLine());
        }
        await(() -> stream.readers() == 0);
        connect().close();
    }

    @Test
    void slowReaderLosesOnlyItsOwnEventsAndIsNotified() throws Exception {
        try (SocketChannel slow = connect();
                SocketChannel fast = connect()) {
            BufferedReader reading = lines(fast);
            for (int i = 1; i <= FLOOD; i++) {
                stream.uevent(event(i));
                assertEquals(line(i), reading.readLine());
            }

            BufferedReader late = lines(slow);
            int seen = 0;
            String line = late.readLine();
            for (; line.equals(line(seen + 1)); line = late.readLine()) {
                seen++;
            }
            Matcher lost = LOST.matcher(line);
            assertTrue(lost.matches(), line);
            assertEquals(FLOOD, seen + Integer.parseInt(lost.group(1)));
            stream.uevent(event(FLOOD + 1));
            assertEquals(line(FLOOD + 1), late.readLine());
        }
    }
}
