package itests.bench;

import itests.vm.RegisterClient;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Reads one byte of BAR0 repeatedly over vfio-user, as a guest's serial driver does. */
final class RegionReads {
    private static final int LSR = 5;
    private static final int BLOCKS = 21;
    private static final int BLOCK = 2_000;
    private static final double SECOND = 1e9;

    private RegionReads() {}

    /** Seconds per read, of several blocks; the first ones warm up the compiler. */
    static List<Double> measure(Path socket) throws IOException {
        try (RegisterClient client = new RegisterClient(socket)) {
            List<Double> times = new ArrayList<>();
            for (int block = 0; block < 2 * BLOCKS; block++) {
                long start = System.nanoTime();
                for (int i = 0; i < BLOCK; i++) {
                    client.read(0, LSR, 1);
                }
                if (block >= BLOCKS) {
                    times.add((System.nanoTime() - start) / SECOND / BLOCK);
                }
            }
            return times;
        }
    }
}
