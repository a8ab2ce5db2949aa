package itests.vm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;

/** The platform as a service manager runs it. */
final class ServeIT {
    private static final String UUID = "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001";

    @Test
    void releasesClosedDevicesAndEndsCleanly() throws Exception {
        try (var platform = Platform.start("--load", "vendor.mtty")) {
            assertTrue(platform.run("mdev:lsmod").ok().contains("vendor.mtty"));
            var unknown = platform.run("mdev:remove " + UUID);
            assertNotEquals(0, unknown.status());
            assertEquals(1, unknown.output().lines().count(), unknown.output());

            platform.create("mtty", "mtty-2", UUID);
            platform.remove(UUID);
            var before = platform.idleFootprint(); // includes the threads that serve all devices' sockets
            platform.create("mtty", "mtty-2", UUID);
            assertTrue(platform.run("mdev:list").ok().contains(UUID));
            platform.run("mdev:remove " + UUID).ok();
            platform.awaitFootprint(before);

            assertEquals(List.of(), platform.stop());
            assertFalse(platform.isAlive());
            assertEquals("", platform.errors());
        }
    }
}
