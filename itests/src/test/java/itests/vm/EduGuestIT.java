package itests.vm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/**
 * QEMU's educational device in a stock Linux, driven from user space: registers through {@code devmem}, interrupts
 * through {@code uio_pci_generic}, transfers in the memory of processes.
 */
@RequiresVm
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
final class EduGuestIT {
    private static final String UUID = "83b8f4f2-509f-382f-3c1e-e6bfe0fa3001";

    /** {@code reg OFFSET [VALUE]} accesses a register; {@code idle OFFSET} waits until its lowest bit is clear. */
    private static final String DRIVER = """
            bar=$(head -n 1 /sys/bus/pci/devices/0000:00:05.0/resource | cut -d ' ' -f 1)
            reg() { devmem $((bar + $1)) 32 $2; }
            idle() { while [ $(($(reg $1) & 1)) != 0 ]; do usleep 10000; done; }
            unmask() { setpci -s 00:05.0 COMMAND=0:400; }
            """;

    private Platform platform;
    private Guest guest;

    @BeforeAll
    void boot() throws Exception {
        platform = Platform.start("--load", "vendor.edu");
        guest = Guest.boot(platform.create("edu0", "edu-pci", UUID));
        guest.run("modprobe uio_pci_generic && echo 1234 11e8 >/sys/bus/pci/drivers/uio_pci_generic/new_id")
                .ok();
    }

    @AfterAll
    void end() throws Exception {
        platform.endWith(guest);
    }

    private String drive(String script) throws IOException {
        return guest.run(DRIVER + script).ok();
    }

    @Test
    void lspciShowsTheSpecifiedFunction() throws Exception {
        var shown = guest.run("lspci -n -s 00:05.0 -v").ok();
        assertTrue(shown.contains("00ff: 1234:11e8 (rev 10)"), shown);
        assertTrue(shown.contains("[size=1M]"), shown);
        assertTrue(shown.contains("MSI: Enable- Count=1/1 Maskable- 64bit+"), shown);
    }

    @Test
    void isIdentifiedAndAlive() throws Exception {
        assertEquals("0x010000ED\n0xEDCBA987", drive("reg 0x00; reg 0x04 0x12345678; reg 0x04"));
    }

    @Test
    void computesAFactorial() throws Exception {
        assertEquals("0x1C8CFC00", drive("reg 0x08 12; idle 0x20; reg 0x08"));
    }

    /** The kernel masks the line with each interrupt; a driver in user space unmasks it. */
    @Test
    void interruptsAreCountedIdentifiedAndAcknowledged() throws Exception {
        assertEquals("0x00000001\n1 more\n0x00000006\n0x00000000", drive("""
                await() { dd bs=4 count=1 <&3 2>/dev/null | od -An -tu4; }
                exec 3</dev/uio0
                unmask
                reg 0x20 0x80
                reg 0x08 5
                first=$(await)
                reg 0x24
                reg 0x64 1
                unmask
                reg 0x60 6
                echo $(($(await) - first)) more
                reg 0x24
                reg 0x64 6
                reg 0x24
                reg 0x20 0
                """));
    }

    @Test
    void shellCommandRaisesAnInterrupt() throws Exception {
        guest.background(DRIVER + "exec 3</dev/uio0; unmask; : >/tmp/open; dd bs=4 count=1 <&3 >/tmp/raised");
        guest.run("until [ -e /tmp/open ]; do usleep 10000; done").ok();
        platform.run("edu:raise " + UUID).ok();
        var unknown = platform.run("edu:raise nope");
        assertEquals(1, unknown.status());
        assertTrue(unknown.output().startsWith("edu:raise: no edu device 'nope'"), unknown.output());
        assertEquals("0x00000002", drive("until [ -s /tmp/raised ]; do usleep 10000; done; reg 0x24; reg 0x64 2"));
    }

    /** A page of one process's environment goes into that of another; {@code pagemap} has its physical address. */
    @Test
    void transfersBetweenTheMemoryOfTwoProcesses() throws Exception {
        assertEquals("different\nstill different\nsame", drive("""
                hold() { # DATA: starts process $pid, with DATA in its environment
                    env -i DATA="$1" sleep 1000 &
                    pid=$!
                    until grep -q '^sleep' /proc/$pid/cmdline; do usleep 10000; done
                }
                begin() { cut -d ' ' -f 50 /proc/$1/stat; } # of the environment, which goes on beyond the next page
                page() { echo $((($(begin $1) / 4096 + 1) * 4096)); }
                content() { tail -c +$(($(page $1) - $(begin $1) + 1)) /proc/$1/environ | head -c 4096; }
                physical() {
                    entry=$(dd if=/proc/$1/pagemap bs=8 skip=$(($(page $1) / 4096)) count=1 2>/dev/null | od -An -tx8)
                    echo $(((0x${entry# } & 0x7fffffffffffff) * 4096))
                }
                compare() { if [ "$(content $from)" = "$(content $to)" ]; then echo same; else echo ${1}different; fi; }
                transfer() { # FROM TO COMMAND
                    reg 0x80 $1; reg 0x88 $2; reg 0x90 4096; reg 0x98 $3; idle 0x98
                }
                both() { transfer $(physical $from) 0x40000 1; transfer 0x40000 $(physical $to) 3; }

                hold "$(head -c 6600 /dev/urandom | base64 -w 0)"; from=$pid
                hold "$(yes mdev | head -c 8800 | tr '\\n' ' ')"; to=$pid
                trap 'kill $from $to' EXIT
                compare
                setpci -s 00:05.0 COMMAND=0:4
                both
                compare 'still '
                setpci -s 00:05.0 COMMAND=4:4
                both
                compare
                """));
    }
}
