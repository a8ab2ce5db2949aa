package itests.vm;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Path;

/** Echoes its first client's bytes, optionally corrupted. */
final class Echo implements AutoCloseable {
    private final Path socket;
    private final ServerSocketChannel server;
    private final Thread thread;
    private volatile boolean lying;

    Echo(Path socket) throws IOException {
        this.socket = socket;
        server = ServerSocketChannel.open(StandardProtocolFamily.UNIX).bind(UnixDomainSocketAddress.of(socket));
        thread = Thread.ofVirtual().start(this::serve);
    }

    Path socket() {
        return socket;
    }

    /** Whether the last bit of every byte is inverted in the echo. */
    void lie(boolean lying) {
        this.lying = lying;
    }

    private void serve() {
        try (var client = server.accept()) {
            var bytes = ByteBuffer.allocate(4096);
            while (client.read(bytes.clear()) >= 0) {
                bytes.flip();
                for (int i = 0; lying && i < bytes.limit(); i++) {
                    bytes.put(i, (byte) (bytes.get(i) ^ 1));
                }
                while (bytes.hasRemaining()) {
                    client.write(bytes);
                }
            }
        } catch (IOException e) {
            // The client disconnected, or close() ended the wait for one.
        }
    }

    @Override
    public void close() throws IOException {
        server.close();
        thread.interrupt(); // closes the client's channel
    }
}
