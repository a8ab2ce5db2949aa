package itests.vm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Devices that come to a guest that runs, and go while it uses them. */
@RequiresVm
final class HotPlugGuestIT {
    private static final String UUID = "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001";
    private static final String OTHER = "83b8f4f2-509f-382f-3c1e-e6bfe0fa1002";

    @Test
    void devicesComeAndGoWhileTheGuestRuns() throws Exception {
        try (var platform = Platform.start("--load", "vendor.mtty");
                var guest = Guest.boot()) {
            platform.create("mtty", "mtty-2", OTHER);
            platform.remove(OTHER);
            var nothing = platform.idleFootprint(); // but for what the first device of all brought

            // Given back by the guest.
            guest.plug("first", 5, platform.create("mtty", "mtty-2", UUID));
            new SerialCard(guest, 5, 2).loopAll(4096);
            guest.unplug("first");
            platform.remove(UUID);
            platform.awaitFootprint(nothing);

            // Taken away while the guest transfers.
            var socket = platform.create("mtty", "mtty-2", UUID);
            guest.plug("second", 5, socket);
            new SerialCard(guest, 5, 2).transfer();
            platform.remove(UUID);
            assertFalse(Files.exists(socket));
            assertFalse(platform.run("mdev:list").ok().contains(UUID));
            assertTrue(platform.isAlive());
            assertEquals("up", guest.run("echo up").ok());
            platform.awaitFootprint(nothing);

            // There is room for others, under the same name and under another, next to the dead one in the guest and in
            // its place.
            guest.plug("third", 6, platform.create("mtty", "mtty-2", OTHER));
            new SerialCard(guest, 6, 2).loopAll(4096);
            guest.unplug("second");
            guest.plug("fourth", 5, platform.create("mtty", "mtty-2", UUID));
            new SerialCard(guest, 5, 2).loopAll(4096);

            assertEquals(0, guest.poweroff());
            assertEquals(List.of(), platform.stop());
            assertEquals("", platform.errors());
        }
    }
}
