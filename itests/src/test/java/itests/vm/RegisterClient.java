package itests.vm;

import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/** A vfio-user client that reads and writes registers, as a guest's driver does. Not thread-safe. */
public final class RegisterClient implements AutoCloseable {
    private static final int HEADER = 16;
    private static final int VERSION = 1;
    private static final int REGION_READ = 9;
    private static final int REGION_WRITE = 10;
    private static final int ERROR = 12;

    private final SocketChannel server;
    private final ByteBuffer message = ByteBuffer.allocateDirect(256).order(ByteOrder.LITTLE_ENDIAN);

    /** Opens the device of the socket. */
    public RegisterClient(Path socket) throws IOException {
        server = SocketChannel.open(UnixDomainSocketAddress.of(socket));
        message.position(HEADER).putInt(0).put("{}\0".getBytes(StandardCharsets.US_ASCII));
        exchange(VERSION, HEADER);
    }

    /** Reads a register of at most eight bytes. */
    public long read(int region, long offset, int length) throws IOException {
        int data = HEADER + 16;
        message.clear().position(HEADER).putLong(offset).putInt(region).putInt(length);
        exchange(REGION_READ, data + length);
        message.putLong(data + length, 0);
        return message.getLong(data);
    }

    /** Writes a register of at most eight bytes. */
    public void write(int region, long offset, int length, long value) throws IOException {
        int data = HEADER + 16;
        message.clear().position(HEADER).putLong(offset).putInt(region).putInt(length);
        message.putLong(data, value).position(data + length);
        exchange(REGION_WRITE, data);
    }

    /**
     * Sends the message with its payload, up to its position; receives the reply.
     *
     * @param least the minimum number of bytes of a reply
     */
    private void exchange(int command, int least) throws IOException {
        message.putShort(0, (short) 1)
                .putShort(2, (short) command)
                .putInt(4, message.position())
                .putInt(8, 0)
                .putInt(ERROR, 0);
        message.flip();
        while (message.hasRemaining()) {
            server.write(message);
        }
        message.clear();
        while (message.position() < least) {
            if (server.read(message) < 0) {
                throw new IOException("the server ended the connection");
            }
            if (message.position() >= HEADER && message.getInt(ERROR) != 0) {
                throw new IOException("errno " + message.getInt(ERROR));
            }
        }
    }

    @Override
    public void close() throws IOException {
        server.close();
    }
}
