package itests.bench;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import mdev.linux.LinuxException;
import mdev.linux.UnixSocket;

/** A vfio-user client that reads one byte of BAR0 over and over, as a guest's serial driver does. */
final class RegionReads {
    private static final int HEADER = 16;
    private static final int VERSION = 1;
    private static final int REGION_READ = 9;
    private static final int READ_BYTES = HEADER + 16;
    private static final int BLOCKS = 21;
    private static final int BLOCK = 2_000;
    private static final double SECOND = 1e9;

    private RegionReads() {}

    /** Seconds per read, of several blocks; the first ones are left to the compiler. */
    static List<Double> measure(Path socket) throws LinuxException {
        try (UnixSocket server = UnixSocket.connect(socket, 1);
                Arena arena = Arena.ofConfined()) {
            MemorySegment message = arena.allocate(256, Long.BYTES);
            byte[] json = "{}\0".getBytes(StandardCharsets.US_ASCII);
            MemorySegment.copy(json, 0, message, JAVA_BYTE, HEADER + 4, json.length);
            exchange(server, message, VERSION, HEADER + 4 + json.length, -1);
            List<Double> times = new ArrayList<>();
            for (int block = 0; block < 2 * BLOCKS; block++) {
                long start = System.nanoTime();
                for (int i = 0; i < BLOCK; i++) {
                    message.set(JAVA_LONG, HEADER, 5); // LSR
                    message.set(JAVA_INT, HEADER + 8, 0);
                    message.set(JAVA_INT, HEADER + 12, 1);
                    exchange(server, message, REGION_READ, READ_BYTES, READ_BYTES + 1);
                }
                if (block >= BLOCKS) {
                    times.add((System.nanoTime() - start) / SECOND / BLOCK);
                }
            }
            return times;
        }
    }

    /** @param answer how many bytes come back, -1 for as many as there are */
    private static void exchange(UnixSocket server, MemorySegment message, int command, int size, int answer)
            throws LinuxException {
        message.set(JAVA_SHORT, 0, (short) 1);
        message.set(JAVA_SHORT, 2, (short) command);
        message.set(JAVA_INT, 4, size);
        message.set(JAVA_INT, 8, 0);
        message.set(JAVA_INT, 12, 0);
        server.send(message, 0, size);
        long got = 0;
        do {
            long n = server.receive(message, got, message.byteSize() - got, 0);
            if (n <= 0) {
                throw new AssertionError("the server ended the connection");
            }
            got += n;
        } while (got < answer);
        if (message.get(JAVA_INT, 12) != 0) {
            throw new AssertionError("errno " + message.get(JAVA_INT, 12));
        }
    }
}
