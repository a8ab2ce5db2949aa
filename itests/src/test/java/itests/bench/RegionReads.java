package itests.bench;

import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A vfio-user client that reads one byte of BAR0 repeatedly, as a guest's serial driver does. */
final class RegionReads {
    private static final int HEADER = 16;
    private static final int VERSION = 1;
    private static final int REGION_READ = 9;
    private static final int ERROR = 12;
    private static final int BLOCKS = 21;
    private static final int BLOCK = 2_000;
    private static final double SECOND = 1e9;

    private RegionReads() {}

    /** Seconds per read, of several blocks; the first ones warm up the compiler. */
    static List<Double> measure(Path socket) throws IOException {
        try (SocketChannel server = SocketChannel.open(UnixDomainSocketAddress.of(socket))) {
            ByteBuffer message = ByteBuffer.allocateDirect(256).order(ByteOrder.LITTLE_ENDIAN);
            message.position(HEADER).putInt(0).put("{}\0".getBytes(StandardCharsets.US_ASCII));
            exchange(server, message, VERSION, HEADER);
            List<Double> times = new ArrayList<>();
            for (int block = 0; block < 2 * BLOCKS; block++) {
                long start = System.nanoTime();
                for (int i = 0; i < BLOCK; i++) {
                    message.clear().position(HEADER).putLong(5).putInt(0).putInt(1); // LSR
                    exchange(server, message, REGION_READ, HEADER + 16 + 1);
                }
                if (block >= BLOCKS) {
                    times.add((System.nanoTime() - start) / SECOND / BLOCK);
                }
            }
            return times;
        }
    }

    /**
     * @param message the request with its payload, up to its position; receives the reply
     * @param least the minimum number of bytes of a reply
     */
    private static void exchange(SocketChannel server, ByteBuffer message, int command, int least) throws IOException {
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
        }
        if (message.getInt(ERROR) != 0) {
            throw new IOException("errno " + message.getInt(ERROR));
        }
    }
}
