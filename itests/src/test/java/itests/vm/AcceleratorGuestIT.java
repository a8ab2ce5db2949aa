package itests.vm;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import itests.PackedBundle;
import itests.Patience;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/**
 * A PCI Express function with 64 GiB of memory in a stock QEMU (machine q35, behind a root port) and a stock Linux:
 * the guest finds each part, and it works.
 */
@RequiresVm
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
final class AcceleratorGuestIT {
    private static final String UUID = "83b8f4f2-509f-382f-3c1e-e6bfe0fa4001";

    /** Memory that no kernel uses: the target of messages, which the monitor reads. */
    private static final int MESSAGES = 0x8000;

    private static final int VECTORS = 8;

    /** The values that the firmware and Linux assign: the locations of BARs, messages and the interrupt. */
    private static final List<Pattern> PLACES = List.of(
            Pattern.compile("(?<=Memory at |Expansion ROM at )[0-9a-f]+"),
            Pattern.compile("(?<=routed to IRQ )\\d+"),
            Pattern.compile("(?m)^(?=(10|20|30):)(.*)$"));

    /** {@code reg OFFSET [VALUE]} accesses a register of BAR0. */
    private static final String DRIVER = """
            dev=/sys/bus/pci/devices/0000:01:00.0
            bar() { sed -n "$(($1 + 1))s/ .*//p" $dev/resource; }
            reg() { devmem $(($(bar 0) + $1)) 32 $2; }
            pci() { setpci -s 01:00.0 "$@"; }
            """;

    private Platform platform;
    private Guest guest;

    @BeforeAll
    void boot(@TempDir Path directory) throws Exception {
        platform = Platform.start();
        platform.run("mdev:modprobe " + PackedBundle.build("itests.accelerator", "itests.accelerator", directory))
                .ok();
        var socket = platform.create("accelerator0", "accelerator-64g", UUID);
        guest = Guest.start(List.of(
                "-machine",
                "q35",
                "-device",
                "pcie-root-port,id=root,addr=4,chassis=1",
                "-device",
                "{\"driver\":\"vfio-user-pci\",\"bus\":\"root\",\"socket\":{\"type\":\"unix\",\"path\":\"" + socket
                        + "\"}}"));
        guest.awaitBoot();
        drive("pci COMMAND=6:6");
    }

    @AfterAll
    void end() throws Exception {
        platform.endWith(guest);
    }

    private String drive(String script) throws IOException {
        return guest.run(DRIVER + script).ok();
    }

    @Test
    void lspciShowsWhatIsDeclared() throws Exception {
        String expected;
        try (var dump = AcceleratorGuestIT.class.getResourceAsStream("lspci-accelerator.txt")) {
            expected = new String(dump.readAllBytes(), UTF_8);
        }
        assertEquals(places(expected), places(drive("lspci -n -s 01:00.0 -vvv -xxxx") + "\n"));
    }

    private static String places(String dump) {
        var text = dump;
        for (var place : PLACES) {
            assertTrue(place.matcher(text).find(), place + " is needed by no line");
            text = place.matcher(text).replaceAll("*");
        }
        return text;
    }

    @Test
    void linuxReadsTheRom() throws Exception {
        assertEquals("4608 55aa 3f40 40414243", drive("""
                        echo 1 >$dev/rom
                        cat $dev/rom >/tmp/rom
                        hex() { od -An -v -tx1 -j $1 -N $2 /tmp/rom | tr -d ' \\n'; }
                        echo $(stat -c %s /tmp/rom) $(hex 0 2) $(hex $((0x3f + 0x100)) 2 | tail -c 5) $(hex 320 4)
                        """));
    }

    @Test
    void writeToTheVendorsCapabilityIsAnswered() throws Exception {
        assertEquals("00000051", drive("pci ECAP_VNDR+8.L=9 && pci ECAP_VNDR+c.L && pci ECAP_VNDR+8.L=0"));
    }

    /** From the first to the last page of 64 GiB; the guest maps the memory, and the vendor sees what it writes. */
    @Test
    void wholeMemoryIsShared() throws Exception {
        assertEquals("0x1000000000 0x00C0FFEE 0xFEEDF00D", drive("""
                        vram=$(bar 4)
                        size=$(sed -n 5p $dev/resource | { read begin end flags; printf '0x%x' $((end - begin + 1)); })
                        devmem $vram 32 0xc0ffee
                        devmem $((vram + size - 4096)) 32 0xfeedf00d
                        reg 12 0
                        first=$(reg 16)
                        reg 12 $((size / 4096 - 1))
                        echo $size $first $(reg 16)
                        """));
    }

    @Test
    void doorbellsRingAsOrdinaryWrites() throws Exception {
        assertEquals("3", drive("""
                        before=$(reg 8)
                        for queue in 0 1 15; do devmem $(($(bar 2) + 8 * queue)) 32 1; done
                        echo $(($(reg 8) - before))
                        """));
    }

    /** Uses the line while MSI-X is disabled; then each vector writes its message. */
    @Test
    void interruptsGoOutByWhatTheGuestHasEnabled() throws Exception {
        assertEquals("INTx- INTx+ INTx-", drive("""
                        line() { lspci -s 01:00.0 -vv | sed -n 's/.*Status: Cap.* //p'; }
                        off=$(line); reg 0 5; on=$(line); reg 4 5; echo $off $on $(line)
                        """));
        drive("""
                for vector in 0 1 2 3 4 5 6 7; do
                    entry=$(($(bar 3) + 16 * vector))
                    devmem $entry 32 $((%d + 4 * vector)); devmem $((entry + 4)) 32 0
                    devmem $((entry + 8)) 32 $((0x100 + vector)); devmem $((entry + 12)) 32 0
                done
                pci CAP_MSIX+2.W=8000:c000
                for vector in 0 2 5 7; do reg 0 $vector; done
                """.formatted(MESSAGES));
        var expected = Pattern.compile(
                "0x00000100 0x00000000 0x00000102 0x00000000\\s+\\S+ " + "0x00000000 0x00000105 0x00000000 0x00000107");
        Deadline.await(
                Patience.TIME,
                "the messages",
                () -> expected.matcher(messages()).find());
        drive("for vector in 0 2 5 7; do reg 4 $vector; done; pci CAP_MSIX+2.W=0:8000");
    }

    private String messages() {
        try {
            return guest.qmp()
                    .execute("human-monitor-command", Map.of("command-line", "xp /" + VECTORS + "xw " + MESSAGES))
                    .asText();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Test
    void guestResetsTheFunction() throws Exception {
        assertEquals("flr bus\n0x00000000 00000000 00000000", drive("""
                        devmem $(bar 2) 32 1; devmem $(bar 4) 32 0x5eed
                        pci ECAP_VNDR+8.L=9
                        cat $dev/reset_method
                        echo 1 >$dev/reset
                        pci COMMAND=6:6
                        reg 12 0
                        echo $(reg 8) $(pci ECAP_VNDR+8.L) $(pci ECAP_VNDR+c.L)
                        """));
    }
}
