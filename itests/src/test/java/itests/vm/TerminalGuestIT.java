package itests.vm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import itests.Patience;
import org.junit.jupiter.api.Test;

/** {@code ./mdev vm} as used interactively on a terminal. */
@RequiresVm
final class TerminalGuestIT {
    private static final String UUID = "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001";
    private static final String CTRL_A = "\u0001";

    @Test
    void guestRunsOnTheTerminalAndEndsWithCtrlAX() throws Exception {
        try (var platform = Platform.start("--load", "vendor.mtty")) {
            platform.create("mtty", "mtty-2", UUID);
            var idle = platform.idleFootprint();
            var vm = Home.file("mdev") + " --run " + platform.run() + " vm " + UUID;
            try (var terminal = new Terminal("before=$(stty -g); " + vm
                    + "; status=$?; [ \"$(stty -g)\" != \"$before\" ] || echo terminal restored; exit $status")) {
                terminal.await("00:05.0", Patience.TIME);
                terminal.await("# ", Patience.TIME);
                terminal.type("serial-loop $(pci-ttys 00:05.0 | tail -1) 4096\r");
                terminal.await("4096 bytes came back", Patience.TIME);
                terminal.type(CTRL_A + "x");
                assertEquals(0, terminal.end(Patience.TIME), terminal::screen);
                assertTrue(terminal.screen().contains("terminal restored"), terminal::screen);
            }
            platform.awaitFootprint(idle);
            assertEquals("", platform.errors());
        }
    }
}
