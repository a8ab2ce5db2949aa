package mdev.console.control;

import java.io.EOFException;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * Frames over a socket. One thread reads and one writes; neither may be interrupted, because that closes the socket.
 */
public final class Wire implements AutoCloseable {
    /** The peer violated the protocol. */
    static final class ProtocolException extends IOException {
        private static final long serialVersionUID = 1L;

        ProtocolException(String message) {
            super(message);
        }
    }

    private final SocketChannel channel;
    private final boolean peerIsClient;
    private final ByteBuffer header = ByteBuffer.allocate(Frame.HEADER);

    Wire(SocketChannel channel, boolean peerIsClient) {
        this.channel = channel;
        this.peerIsClient = peerIsClient;
    }

    /** Connects to a server. */
    public static Wire connect(Path socket) throws IOException {
        SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX);
        try {
            channel.connect(UnixDomainSocketAddress.of(socket));
        } catch (IOException | RuntimeException e) {
            channel.close();
            throw e;
        }
        return new Wire(channel, false);
    }

    /**
     * The next frame.
     *
     * @return {@code null} when the peer has closed between frames
     * @throws ProtocolException the peer may not send this type, or not with this length
     * @throws IOException the connection broke, or was closed within a frame
     */
    public @Nullable Frame read() throws IOException {
        header.clear();
        if (!fill(header)) {
            return null;
        }
        byte code = header.flip().get();
        int length = header.getInt();
        FrameType type = FrameType.of(code);
        if (type == null || type.fromClient() != peerIsClient) {
            throw new ProtocolException("no frame type " + (code & 0xff));
        }
        if (!type.allows(length)) {
            throw new ProtocolException("length " + Integer.toUnsignedString(length) + " in a frame of type " + type);
        }
        ByteBuffer payload = ByteBuffer.allocate(length);
        if (length > 0 && !fill(payload)) {
            throw new EOFException("the connection ended within a frame");
        }
        return new Frame(type, payload.array());
    }

    private boolean fill(ByteBuffer buffer) throws IOException {
        while (buffer.hasRemaining()) {
            if (channel.read(buffer) < 0) {
                if (buffer.position() == 0) {
                    return false;
                }
                throw new EOFException("the connection ended within a frame");
            }
        }
        return true;
    }

    public void write(Frame frame) throws IOException {
        ByteBuffer bytes = ByteBuffer.allocate(Frame.HEADER + frame.payload().length)
                .put(frame.type().code())
                .putInt(frame.payload().length)
                .put(frame.payload())
                .flip();
        while (bytes.hasRemaining()) {
            channel.write(bytes);
        }
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
