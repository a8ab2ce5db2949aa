package itests.vm;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/**
 * The kernel document's steps 3 to 7: a stock QEMU boots a stock Linux with our serial card in slot 5, and Linux's own
 * driver drives it.
 */
@RequiresVm
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
final class SerialGuestIT {
    private static final String UUID = "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001";
    private static final int BYTES = 64 << 10;

    private Platform platform;
    private Guest guest;
    private SerialCard card;

    @BeforeAll
    void boot() throws Exception {
        platform = Platform.start("--load", "vendor.mtty");
        guest = Guest.boot(platform.create("mtty", "mtty-2", UUID));
        card = new SerialCard(guest, 5, 2);
    }

    /** The platform has logged no warnings and no refusals, regardless of the guest's actions. */
    @AfterAll
    void end() throws Exception {
        platform.endWith(guest);
    }

    private String lspci() throws IOException {
        return guest.run("lspci -n -s 00:05.0 -xxvv").ok() + "\n";
    }

    private static List<String> find(String pattern, String text) {
        return Pattern.compile(pattern)
                .matcher(text)
                .results()
                .map(match -> match.group(1))
                .toList();
    }

    private int irq() throws IOException {
        return Integer.parseInt(find("routed to IRQ (\\d+)", lspci()).getFirst());
    }

    @Test
    void lspciMatchesTheDocument() throws Exception {
        String document;
        try (var dump = SerialGuestIT.class.getResourceAsStream("lspci-mtty-2.txt")) {
            document = new String(dump.readAllBytes(), UTF_8);
        }
        for (var rule : LspciRule.values()) {
            assertTrue(rule.appliesTo(document), () -> rule + " is needed by no line");
        }
        assertEquals(LspciRule.normalize(document), LspciRule.normalize(lspci()));
    }

    @Test
    void linuxFindsTwo16550AOnOneInterrupt() throws Exception {
        var ports = find("Region \\d: I/O ports at ([0-9a-f]+)", lspci());
        var irq = irq();
        var ttys = card.ttys();
        var found = guest.run("dmesg | sed -n 's/.* 0000:00:05.0: //p' | grep 16550A")
                .ok()
                .lines()
                .toList();
        var listed = guest.run("setserial -g " + String.join(" ", ttys)).ok();
        assertAll(
                () -> assertEquals(
                        List.of(found(ttys.get(0), ports.get(0), irq), found(ttys.get(1), ports.get(1), irq)), found),
                () -> assertEquals(
                        listed(ttys.get(0), ports.get(0), irq) + "\n" + listed(ttys.get(1), ports.get(1), irq),
                        listed));
    }

    private static String found(String tty, String port, int irq) {
        return "%s at I/O 0x%s (irq = %d, base_baud = 115200) is a 16550A"
                .formatted(tty.substring("/dev/".length()), port, irq);
    }

    private static String listed(String tty, String port, int irq) {
        return "%s, UART: 16550A, Port: 0x%s, IRQ: %d".formatted(tty, port, irq);
    }

    @Test
    void terminalProgramReceivesItsEcho() throws Exception {
        for (var tty : card.ttys()) {
            var line = "The quick brown fox jumps over the lazy " + tty;
            assertEquals(line, guest.run("""
                            mkfifo keys && : >screen && trap 'rm keys screen' EXIT
                            microcom -s 115200 %1$s <keys >screen & exec 3>keys
                            echo '%2$s' >&3
                            until grep -q '%2$s' screen; do usleep 20000; done
                            printf '\\030' >&3 # Ctrl-X
                            wait && cat screen
                            """.formatted(tty, line)).ok());
        }
    }

    @Test
    void echoOfManyBytesByInterruptHasNoOverrun() throws Exception {
        var tty = card.ttys().getFirst();
        var interrupts = interrupts();
        assertEquals(
                tty + ": " + BYTES + " bytes came back", card.loop(tty, BYTES).ok());
        var more = interrupts() - interrupts;
        assertTrue(more > 0, () -> more + " interrupts");
        assertNoErrors(tty);
    }

    private long interrupts() throws IOException {
        // "intr", the sum, then the count of each interrupt
        return Long.parseLong(guest.run("awk '/^intr/ { print $(%d + 3) }' /proc/stat".formatted(irq()))
                .ok());
    }

    /** The driver lists an error, for example oe for an overrun, if it has occurred. */
    private void assertNoErrors(String tty) throws IOException {
        var statistics = card.statistics(tty);
        assertTrue(statistics.contains(" rx:"), statistics);
        assertFalse(Pattern.compile(" (oe|fe|pe|brk):").matcher(statistics).find(), statistics);
    }

    @Test
    void bothPortsWorkAtOnce() throws Exception {
        card.loopAll(BYTES / 2);
        for (var tty : card.ttys()) {
            assertNoErrors(tty);
        }
    }

    @Test
    void deviceWorksAfterARebootAndAfterAReset() throws Exception {
        guest.reboot();
        card.loopAll(1000);
        guest.reset();
        card.loopAll(1000);
    }

    /** Interrupted in the middle of a transfer: the next system finds the device in its power-on state. */
    @Test
    void deviceWorksAfterAResetDuringATransfer() throws Exception {
        card.transfer();
        guest.reset();
        card.loopAll(1000);
    }
}
