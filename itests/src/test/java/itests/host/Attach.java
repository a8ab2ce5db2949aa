package itests.host;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.stream.Stream;

/**
 * A client of a device's socket, in the process of another user: connects and agrees on a version, once or a given
 * number of times, or connects repeatedly and sends nothing.
 */
final class Attach {
    private static final int HEADER = 16;
    private static final short VERSION = 1;
    private static final int HELD = 100;

    private Attach() {}

    public static void main(String[] arguments) throws IOException {
        Path socket = Path.of(arguments[0]);
        switch (arguments.length == 1 ? "once" : arguments[1]) {
            case "once" -> System.out.println(attach(socket));
            case "flood" -> flood(socket);
            default -> {
                int times = Integer.parseInt(arguments[1]);
                long attached = Stream.generate(() -> attach(socket))
                        .limit(times)
                        .filter("attached, errno 0"::equals)
                        .count();
                System.out.println("attached " + attached + " of " + times + " times");
            }
        }
    }

    /** Ends with the standard input. */
    private static void flood(Path path) throws IOException {
        Deque<SocketChannel> open = new ArrayDeque<>();
        for (long made = 1; System.in.available() == 0; made++) {
            SocketChannel socket = SocketChannel.open(StandardProtocolFamily.UNIX);
            socket.connect(UnixDomainSocketAddress.of(path));
            open.add(socket);
            if (open.size() > HELD) {
                open.remove().close();
            }
            if (made == HELD) {
                System.out.println("flooding");
            }
        }
    }

    private static String attach(Path path) {
        try (SocketChannel socket = SocketChannel.open(StandardProtocolFamily.UNIX)) {
            socket.connect(UnixDomainSocketAddress.of(path));
            ByteBuffer message = ByteBuffer.allocate(HEADER + 4).order(ByteOrder.LITTLE_ENDIAN);
            message.putShort((short) 1).putShort(VERSION).putInt(message.capacity());
            socket.write(message.position(0));
            ByteBuffer answer = ByteBuffer.allocate(HEADER).order(ByteOrder.LITTLE_ENDIAN);
            while (answer.hasRemaining() && socket.read(answer) >= 0) {}
            return answer.hasRemaining() ? "disconnected" : "attached, errno " + answer.getInt(12);
        } catch (IOException e) {
            return String.valueOf(e.getMessage());
        }
    }
}
