package itests.vm;

import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.util.List;
import org.junit.jupiter.api.Test;

/**
 * The vendor bundle is updated between two uses and stopped during one: its devices are removed, the framework and the
 * guest keep running.
 */
@RequiresVm
final class UpdateGuestIT {
    private static final String UUID = "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001";

    @Test
    void updateRemovesTheDevicesAndTheGuestStays() throws Exception {
        try (var platform = Platform.start("--load", "vendor.mtty");
                var guest = Guest.boot()) {
            // Updated while the device is unused: it is removed, the parent is registered again, and the device can be
            // recreated.
            var socket = platform.create("mtty", "mtty-2", UUID);
            platform.run("felix:update vendor.mtty").ok();
            assertAll(
                    () -> assertFalse(platform.run("mdev:list").ok().contains(UUID)),
                    () -> assertTrue(platform.run("mdev:parents").ok().contains("vendor.mtty")),
                    () -> assertFalse(Files.exists(socket)));
            var nothing = platform.idleFootprint();
            guest.plug("updated", 5, platform.create("mtty", "mtty-2", UUID));
            new SerialCard(guest, 5, 2).transfer();

            // Stopped while the guest transfers: the connection is closed and all resources are released.
            platform.run("stop -f vendor.mtty").ok();
            assertAll(
                    () -> assertFalse(platform.run("mdev:list").ok().contains(UUID)),
                    () -> assertFalse(platform.run("mdev:parents").ok().contains("vendor.mtty")),
                    () -> assertFalse(Files.exists(socket)),
                    () -> assertEquals("up", guest.run("echo up").ok()));
            platform.awaitFootprint(nothing);

            // Restarted.
            platform.run("start vendor.mtty").ok();
            guest.plug("restarted", 6, platform.create("mtty", "mtty-2", UUID));
            new SerialCard(guest, 6, 2).loopAll(4096);

            assertEquals(0, guest.poweroff());
            assertEquals(List.of(), platform.stop());
            assertEquals("", platform.errors());
        }
    }
}
