package itests.vm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Devices plugged into a running guest and removed while the guest uses them. */
@RequiresVm
final class HotPlugGuestIT {
    private static final String UUID = "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001";
    private static final String OTHER = "83b8f4f2-509f-382f-3c1e-e6bfe0fa1002";

    @Test
    void devicesArePluggedAndUnpluggedWhileTheGuestRuns() throws Exception {
        try (var platform = Platform.start("--load", "vendor.mtty");
                var guest = Guest.boot()) {
            platform.create("mtty", "mtty-2", OTHER);
            platform.remove(OTHER);
            var nothing = platform.idleFootprint(); // includes resources allocated for the very first device

            // Released by the guest.
            guest.plug("first", 5, platform.create("mtty", "mtty-2", UUID));
            new SerialCard(guest, 5, 2).loopAll(4096);
            guest.unplug("first");
            platform.remove(UUID);
            platform.awaitFootprint(nothing);

            // Removed while the guest transfers.
            var socket = platform.create("mtty", "mtty-2", UUID);
            guest.plug("second", 5, socket);
            new SerialCard(guest, 5, 2).transfer();
            platform.remove(UUID);
            assertFalse(Files.exists(socket));
            assertFalse(platform.run("mdev:list").ok().contains(UUID));
            assertTrue(platform.isAlive());
            assertEquals("up", guest.run("echo up").ok());
            platform.awaitFootprint(nothing);

            // New devices can be added, under the same name and another, next to the dead device in the guest and in
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
