package vfio.user.conformance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import mdev.api.errno.Errno;
import org.junit.jupiter.api.Test;

/** The log lines for clients that send invalid messages. */
final class ClientLogTest {
    private static final int MANY = 2_000;

    private static List<String> refusals(Rig rig) throws IOException {
        return Files.readAllLines(Path.of(System.getProperty("org.slf4j.simpleLogger.logFile"))).stream()
                .filter(line -> line.contains("device " + rig.mdev.uuid()) && line.contains("refused"))
                .toList();
    }

    @Test
    void errorNamesItsCommand() throws Exception {
        try (Rig rig = new Rig()) {
            rig.client().refused(Errno.ENOENT, Commands.DMA_UNMAP, Requests.unmap(0, Rig.PAGE));

            assertEquals(1, refusals(rig).size());
            assertTrue(refusals(rig).getFirst().contains(": DMA_UNMAP refused: ENOENT: "), refusals(rig)::toString);
        }
    }

    /** Also if the client reconnects for each invalid message. */
    @Test
    void clientCannotFillTheLog() throws Exception {
        try (Rig rig = new Rig()) {
            long begun = System.nanoTime();
            for (int i = 0; i < 20; i++) {
                try (Client client = rig.client()) {
                    for (int k = 0; k < MANY / 20; k++) {
                        client.refused(Errno.ENOENT, Commands.DMA_UNMAP, Requests.unmap(0, Rig.PAGE));
                    }
                }
            }
            long pauses = TimeUnit.NANOSECONDS.toSeconds(System.nanoTime() - begun) / 10;

            assertTrue(refusals(rig).size() <= 1 + pauses, () -> "a line in ten seconds, in " + pauses + " pauses");
        }
    }
}
