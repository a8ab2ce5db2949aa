package itests.vm;

import java.io.EOFException;
import java.io.IOException;
import java.net.SocketException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.concurrent.locks.LockSupport;

/** A connection to a UNIX socket with a deadline for reads. Not thread-safe. */
final class UnixStream implements AutoCloseable {
    private final SocketChannel channel;
    private final Selector selector;
    private final ByteBuffer received = ByteBuffer.allocate(1 << 16).limit(0);

    /** Connects to {@code server}, which need not listen yet. */
    UnixStream(Path socket, Process server, Deadline deadline) throws IOException {
        channel = connect(UnixDomainSocketAddress.of(socket), server, deadline);
        channel.configureBlocking(false);
        selector = Selector.open();
        channel.register(selector, SelectionKey.OP_READ);
    }

    private static SocketChannel connect(UnixDomainSocketAddress address, Process server, Deadline deadline)
            throws IOException {
        while (true) {
            try {
                return SocketChannel.open(address);
            } catch (SocketException e) {
                if (!server.isAlive() || deadline.isOver()) {
                    throw e;
                }
                LockSupport.parkNanos(5_000_000);
            }
        }
    }

    void send(String text, Deadline deadline) throws IOException {
        var bytes = StandardCharsets.UTF_8.encode(text);
        while (bytes.hasRemaining()) {
            if (channel.write(bytes) == 0) {
                await(SelectionKey.OP_WRITE, deadline);
            }
        }
    }

    /** The next line, without its end. */
    String line(Deadline deadline) throws IOException {
        var line = new StringBuilder();
        while (true) {
            var c = (char) (next(deadline) & 0xff);
            if (c == '\n') {
                return line.toString();
            }
            line.append(c);
        }
    }

    String text(int length, Deadline deadline) throws IOException {
        var bytes = new byte[length];
        for (int i = 0; i < length; i++) {
            bytes[i] = next(deadline);
        }
        return new String(bytes, StandardCharsets.UTF_8);
    }

    private byte next(Deadline deadline) throws IOException {
        while (!received.hasRemaining()) {
            await(SelectionKey.OP_READ, deadline);
            received.clear();
            var n = channel.read(received);
            received.flip();
            if (n < 0) {
                throw new EOFException("the other side closed the connection");
            }
        }
        return received.get();
    }

    private void await(int operation, Deadline deadline) throws IOException {
        channel.keyFor(selector).interestOps(operation);
        if (selector.select(deadline.millis()) == 0 && deadline.isOver()) {
            throw new IOException("nothing came, or nothing was taken, before the deadline");
        }
        selector.selectedKeys().clear();
    }

    @Override
    public void close() throws IOException {
        selector.close();
        channel.close();
    }
}
