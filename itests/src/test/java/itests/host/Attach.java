package itests.host;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;

/** A client of a device's socket, in the process of another user: connects and agrees on a version. */
final class Attach {
    private static final int HEADER = 16;
    private static final short VERSION = 1;

    private Attach() {}

    public static void main(String[] arguments) {
        try (SocketChannel socket = SocketChannel.open(StandardProtocolFamily.UNIX)) {
            socket.connect(UnixDomainSocketAddress.of(Path.of(arguments[0])));
            ByteBuffer message = ByteBuffer.allocate(HEADER + 4).order(ByteOrder.LITTLE_ENDIAN);
            message.putShort((short) 1).putShort(VERSION).putInt(message.capacity());
            socket.write(message.position(0));
            ByteBuffer answer = ByteBuffer.allocate(HEADER).order(ByteOrder.LITTLE_ENDIAN);
            while (answer.hasRemaining() && socket.read(answer) >= 0) {}
            System.out.println(answer.hasRemaining() ? "disconnected" : "attached, errno " + answer.getInt(12));
        } catch (IOException e) {
            System.out.println(e.getMessage());
        }
    }
}
