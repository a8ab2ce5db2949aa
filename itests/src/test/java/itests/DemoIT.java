package itests;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code ./mdev demo} passes, and can fail. */
final class DemoIT {
    /** Lines of the transcript, in this order. */
    private static final List<String> TOLD = List.of(
            "1. Load the module",
            "mdev> mdev:modprobe vendor.mtty",
            "available_instances",
            "sample_mtty_dev",
            "2. Create a mediated device",
            "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001",
            "3. What a guest sees",
            "Serial controller: Device 4348:3253 (rev 10)",
            "10: 51 c1 00 00 59 c1 00 00",
            "4. Send a line through the first port",
            "received: The quick brown fox",
            "5. Send a line through the second port",
            "received: The quick brown fox",
            "6. Destroy the device",
            "/remove 1",
            "7. Unload the module",
            "mdev> mdev:rmmod vendor.mtty",
            "8. Nothing is left",
            "All 8 steps held.");

    /** The lines of {@code ./mdev demo live}, in this order. */
    private static final List<String> TOLD_LIVE = List.of(
            "1. Load a driver",
            "mdev> mdev:modprobe vendor.mtty",
            "mtty-2  Dual port serial  ",
            "2. A program opens the device",
            "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001  mtty    mtty-2  vfio_mdev      0  active  a program",
            "lines that have returned: ",
            "3. The author of the driver changes",
            "mdev> mdev:update mtty ",
            " replaces ",
            "; the devices paused for ",
            "mtty-2  Dual port serial, revised  ",
            "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001  mtty    mtty-2  vfio_mdev      0  active  a program",
            "lines that have returned: ",
            "4. It is updated 20 times more",
            "pauses: median ",
            "lines that have returned: ",
            "5. The author renames a field of the state",
            "mdev:update: mtty: restore of 83b8f4f2-509f-382f-3c1e-e6bfe0fa1001: state: no field receive_fifo; ",
            " continues (EINVAL)",
            "mtty-2  Dual port serial, revised  ",
            "lines that have returned: ",
            "6. The program ends",
            ", each as it was sent; the longest took ",
            "7. Unload the driver",
            "mdev> mdev:rmmod vendor.mtty",
            "All 7 steps held.");

    private static void assertTold(List<String> lines, int steps, Mdev.Ended demo) {
        assertEquals(0, demo.status(), demo.out() + demo.err());
        assertEquals("", demo.err());
        int at = 0;
        for (String told : lines) {
            at = demo.out().indexOf(told, at);
            assertTrue(at >= 0, () -> "'" + told + "' is not, or not there, in\n" + demo.out());
            at += told.length();
        }
        assertEquals(steps, demo.out().lines().filter("    ok"::equals).count(), demo.out());
    }

    @Test
    void performsTheKernelDocumentsWalkThrough() throws Exception {
        assertTold(TOLD, 8, Mdev.here().run("demo"));
    }

    @Test
    void updatesADriverInUse() throws Exception {
        assertTold(TOLD_LIVE, 7, Mdev.here().run("demo", "live"));
    }

    @Test
    void failsWithoutTheModule(@TempDir Path home) throws Exception {
        Mdev here = Mdev.here();
        Files.createDirectories(home.resolve("cnf/target/modules"));
        for (String needed : List.of("mdev", "cnf/jdk.sh", "cnf/tinylog.properties", "cnf/target/mdev.jar")) {
            Files.copy(here.home().resolve(needed), home.resolve(needed));
        }
        Mdev.Ended demo = new Mdev(home).run("demo");
        assertNotEquals(0, demo.status(), demo.out());
        assertTrue(demo.out().contains("FAILED"), demo.out());
        assertTrue(demo.err().contains("steps failed"), demo.err());
    }
}
