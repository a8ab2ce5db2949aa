package itests.vm;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import itests.Patience;
import java.util.Arrays;
import java.util.List;
import mdev.linux.EventFd;
import mdev.linux.LinuxException;
import org.junit.jupiter.api.Test;

/** Devices move from one platform to another, each a process of its own; the test is their hypervisor. */
final class MigrationIT {
    private static final String UUID = "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001";
    private static final int CONFIG = 7;
    private static final int EINVAL = 22;

    /** The registers of a 16550A. */
    private static final int DATA = 0;

    private static final int IER = 1;
    private static final int FCR = 2;
    private static final int IIR = 2;
    private static final int LCR = 3;
    private static final int LSR = 5;
    private static final int SCR = 7;

    @Test
    void serialCardMovesWithWhatIsInItsPorts() throws Exception {
        try (var source = Platform.start("--load", "vendor.mtty");
                var destination = Platform.start("--load", "vendor.mtty");
                var before = WireClient.connect(source.create("mtty", "mtty-2", UUID));
                var after = WireClient.connect(destination.create("mtty", "mtty-2", UUID));
                var line = EventFd.create()) {
            before.write(CONFIG, 4, 1); // I/O
            before.write(CONFIG, 0x3c, 11);
            before.write(0, LCR, 3);
            before.write(0, FCR, 0x81);
            before.write(0, SCR, 0x5a);
            before.write(0, IER, 1);
            for (int i = 0; i < 10; i++) {
                before.write(0, DATA, 0x30 + i);
            }
            assertEquals(0x30, before.read(0, DATA), "half-way through what it has received");
            before.write(1, LCR, 0x83); // half-way through a change of the baud rate
            before.write(1, DATA, 12);

            before.set(WireClient.STOP_COPY);
            byte[] stream = before.readStream();
            after.listen(line.fd());
            after.set(WireClient.RESUMING);
            assertEquals(0, after.tryWriteStream(stream));
            after.set(WireClient.STOP);
            assertFalse(line.take(), "an interrupt of a stopped device");
            after.set(WireClient.RUNNING);

            Deadline.await(Patience.TIME, "the interrupt that was pending", () -> taken(line));
            assertEquals(1, after.read(CONFIG, 4) & 1);
            assertEquals(11, after.read(CONFIG, 0x3c));
            assertEquals(0xc4, after.read(0, IIR) & 0xcf, "received data");
            assertEquals(0x5a, after.read(0, SCR));
            for (int i = 1; i < 10; i++) {
                assertEquals(1, after.read(0, LSR) & 1, "data ready");
                assertEquals(0x30 + i, after.read(0, DATA));
            }
            assertEquals(0, after.read(0, LSR) & 1);
            after.write(1, IER, 1); // the high byte of the divisor
            assertEquals(12, after.read(1, DATA));
            after.write(1, LCR, 3);
            after.write(1, DATA, 0x77);
            assertEquals(0x77, after.read(1, DATA));

            before.leave();
            assertArrayEquals(new byte[0], readAfterReset(source), "the device that is left is reset");
            assertEquals("", source.errors() + destination.errors());
            assertEquals(List.of(), source.stop());
            assertEquals(List.of(), destination.stop());
        }
    }

    private static boolean taken(EventFd line) {
        try {
            return line.take();
        } catch (LinuxException e) {
            throw new AssertionError(e);
        }
    }

    /** What the next user finds in the first port. */
    private static byte[] readAfterReset(Platform platform) throws Exception {
        try (var next = WireClient.connect(platform.socket(UUID))) {
            assertEquals(WireClient.RUNNING, next.state());
            assertEquals(0, next.read(0, SCR));
            return (next.read(0, LSR) & 1) == 0 ? new byte[0] : new byte[] {(byte) next.read(0, DATA)};
        }
    }

    @Test
    void streamThatCannotBeReadLeadsToAnErrorThatAResetEnds() throws Exception {
        try (var source = Platform.start("--load", "vendor.mtty");
                var destination = Platform.start("--load", "vendor.mtty");
                var before = WireClient.connect(source.create("mtty", "mtty-2", UUID));
                var after = WireClient.connect(destination.create("mtty", "mtty-1", UUID))) {
            before.write(0, SCR, 0x5a);
            before.set(WireClient.STOP_COPY);
            byte[] stream = before.readStream();

            after.set(WireClient.RESUMING);
            assertEquals(EINVAL, after.tryWriteStream(stream));
            assertEquals(EINVAL, after.trySet(WireClient.RUNNING));
            assertEquals(0, after.state());
            assertEquals(EINVAL, after.trySet(WireClient.RUNNING));
            after.reset();
            assertEquals(WireClient.RUNNING, after.state());
            after.write(0, SCR, 1);
            assertEquals(1, after.read(0, SCR));
            List<String> lines = destination.errors().lines().toList();
            assertEquals(1, lines.size(), lines.toString());
            assertTrue(lines.getFirst().contains("of type mtty-2, this one is mtty-1"), lines.toString());

            before.set(WireClient.RUNNING);
            assertEquals(0x5a, before.read(0, SCR), "the source goes on");
            after.set(WireClient.RESUMING);
            assertEquals(0, after.tryWriteStream(Arrays.copyOf(stream, 3)));
            after.leave();
            assertArrayEquals(new byte[0], readAfterReset(destination));
        }
    }
}
