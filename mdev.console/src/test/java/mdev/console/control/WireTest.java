package mdev.console.control;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.EOFException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Objects;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class WireTest {
    @TempDir
    private Path temp;

    private ServerSocketChannel listener;
    private SocketChannel raw;
    private Wire server;

    @BeforeEach
    void connect() throws Exception {
        UnixDomainSocketAddress address = UnixDomainSocketAddress.of(temp.resolve("s"));
        listener = ServerSocketChannel.open(StandardProtocolFamily.UNIX).bind(address);
        raw = SocketChannel.open(address);
        server = new Wire(listener.accept(), true);
    }

    @AfterEach
    void close() throws Exception {
        server.close();
        raw.close();
        listener.close();
    }

    @Test
    void frameHasTypeLengthAndBytes() throws Exception {
        server.write(Frame.status(258, true));
        ByteBuffer bytes = ByteBuffer.allocate(10);
        while (bytes.hasRemaining()) {
            raw.read(bytes);
        }
        assertEquals("44" + "00000005" + "00000102" + "01", HexFormat.of().formatHex(bytes.array()));
    }

    @Test
    void framesMayArriveInPieces() throws Exception {
        Thread peer = Thread.ofPlatform().start(() -> {
            for (byte b : HexFormat.of().parseHex("0200000003" + "61c3bc" + "0500000000")) {
                try {
                    raw.write(ByteBuffer.wrap(new byte[] {b}));
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            }
        });
        Frame run = Objects.requireNonNull(server.read());
        assertEquals("RUN aü", run.type() + " " + run.text());
        assertEquals(FrameType.INTERRUPT, Objects.requireNonNull(server.read()).type());
        peer.join();
    }

    @Test
    void longestFramePasses() throws Exception {
        byte[] most = new byte[Frame.MAX_PAYLOAD];
        Arrays.fill(most, (byte) 'x');
        Wire client = new Wire(raw, false);
        FrameWriter writer = new FrameWriter(client, "writer");
        writer.start();
        writer.send(new Frame(FrameType.RUN, most));
        assertArrayEquals(most, Objects.requireNonNull(server.read()).payload());
        writer.finish();
    }

    @Test
    void endWithinAFrameIsAnError() throws Exception {
        raw.write(ByteBuffer.wrap(new byte[] {2, 0, 0}));
        raw.shutdownOutput();
        assertThrows(EOFException.class, server::read);
    }

    @Test
    void endBetweenHeaderAndPayloadIsAnError() throws Exception {
        raw.write(ByteBuffer.wrap(new byte[] {2, 0, 0, 0, 1}));
        raw.shutdownOutput();
        assertThrows(EOFException.class, server::read);
    }
}
