package itests.vm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * QEMU is repeatedly killed with SIGKILL while its guest transfers: it leaves nothing behind in the platform, and the
 * device serves the next one.
 */
@RequiresVm
final class KilledGuestIT {
    private static final String UUID = "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001";
    private static final int KILLS = 20;

    @Test
    void killedGuestLeavesNothing(@TempDir Path dir) throws Exception {
        var saved = dir.resolve("saved");
        try (var guest = Guest.boot()) {
            guest.save(saved);
        }
        try (var platform = Platform.start("--load", "vendor.mtty")) {
            var socket = platform.create("mtty", "mtty-2", UUID);
            var idle = platform.idleFootprint();
            for (int i = 0; i < KILLS; i++) {
                try (var guest = Guest.restore(saved)) {
                    guest.plug("card", 5, socket);
                    new SerialCard(guest, 5, 2).transfer();
                    assertTrue(platform.footprint().mappings() > 0, "the guest's memory is mapped");
                    guest.kill();
                }
                platform.awaitFootprint(idle);
            }

            try (var guest = Guest.restore(saved)) {
                guest.plug("card", 5, socket);
                new SerialCard(guest, 5, 2).loopAll(1000);
            }
            assertEquals(List.of(), platform.stop());
            assertEquals("", platform.errors());
        }
    }
}
