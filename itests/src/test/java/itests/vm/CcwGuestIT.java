package itests.vm;

import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Stock QEMU and a device that is not PCI: QEMU refuses it, with one line, and others can still use the device. */
@RequiresVm
final class CcwGuestIT {
    private static final String UUID = "83b8f4f2-509f-382f-3c1e-e6bfe0fa5001";
    private static final String REFUSAL = "this isn't a PCI device";

    @Test
    void qemuRefusesADeviceThatIsNotPci() throws Exception {
        try (Platform platform = Platform.start("--load", "vendor.ccw-sim")) {
            Path socket = platform.create("0.0.0009", "vfio_ccw-io", UUID);

            Process boot = new ProcessBuilder(Home.file("cnf/vm/boot"), socket.toString())
                    .redirectErrorStream(true)
                    .start();
            boot.getOutputStream().close();
            List<String> lines = boot.inputReader().lines().toList();
            assertAll(
                    () -> assertEquals(1, boot.waitFor()),
                    () -> assertEquals(1, lines.size(), lines::toString),
                    () -> assertTrue(lines.getFirst().endsWith(socket + ": " + REFUSAL), lines::toString));

            try (Guest guest = Guest.start()) {
                AssertionError refused = assertThrows(AssertionError.class, () -> guest.plug("ccw", 5, socket));
                assertTrue(refused.toString().endsWith(REFUSAL), refused.toString());
                assertEquals(0, guest.quit(), "the machine has not suffered from it");
            }

            try (CcwClient user = new CcwClient(socket)) {
                user.print("still here").complete();
            }
            assertEquals("still here", platform.run("ccw:console " + UUID).ok());
            assertEquals(List.of(), platform.stop());
            assertEquals("", platform.errors());
            assertEquals(List.of(), platform.refusals());
        }
    }
}
