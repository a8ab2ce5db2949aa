package itests.vm;

import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Tests the rig itself, without a device of ours: its reports about a guest are correct, including failures. */
@RequiresVm
final class GuestIT {
    private static final String BOOT_ID = "cat /proc/sys/kernel/random/boot_id";

    @Test
    void runsCommandsAndReboots() throws Exception {
        try (var guest = Guest.boot()) {
            assertEquals("Linux", guest.run("uname -s").ok());
            assertEquals(new Result(3, "out\nerr\n"), guest.run("echo out; echo err >&2; exit 3"));
            assertEquals(
                    300_000,
                    guest.run("head -c 300000 /dev/zero | tr '\\0' x").ok().length());
            assertEquals(137, guest.run("sleep 1000", Duration.ofSeconds(1)).status());

            var first = guest.run(BOOT_ID).ok();
            guest.reset();
            var second = guest.run(BOOT_ID).ok();
            guest.reboot();
            var third = guest.run(BOOT_ID).ok();
            assertAll(() -> assertNotEquals(first, second), () -> assertNotEquals(second, third));

            assertEquals(0, guest.poweroff());
        }
    }

    @Test
    void severalGuestsRunAtOnceAndEndIndependently() throws Exception {
        try (var killed = Guest.start();
                var ended = Guest.start()) {
            killed.awaitBoot();
            ended.awaitBoot();
            assertNotEquals(killed.run(BOOT_ID).ok(), ended.run(BOOT_ID).ok());
            killed.kill();
            assertFalse(killed.isAlive());
            assertEquals("up", ended.run("echo up").ok());
            assertEquals(0, ended.quit());
        }
    }

    @Test
    void savedGuestResumesAnyNumberOfTimes(@TempDir Path dir) throws Exception {
        var saved = dir.resolve("saved");
        try (var guest = Guest.boot()) {
            guest.run("echo kept >/tmp/note").ok();
            guest.save(saved);
        }
        for (int i = 0; i < 2; i++) {
            try (var guest = Guest.restore(saved)) {
                assertEquals("kept", guest.run("cat /tmp/note; rm /tmp/note").ok());
            }
        }
    }

    /**
     * {@code serial-loop} checks our serial ports: here it checks a port of QEMU's, connected to an echo that can
     * corrupt data.
     */
    @Test
    void serialLoopDistinguishesEchoFromNoise(@TempDir Path dir) throws Exception {
        try (var guest = Guest.boot();
                var echo = new Echo(dir.resolve("echo"))) {
            var address =
                    Map.of("type", "unix", "data", Map.of("path", echo.socket().toString()));
            guest.qmp()
                    .execute(
                            "chardev-add",
                            Map.of(
                                    "id",
                                    "echo",
                                    "backend",
                                    Map.of("type", "socket", "data", Map.of("addr", address, "server", false))));
            guest.qmp()
                    .execute(
                            "device_add", Map.of("driver", "pci-serial", "id", "port", "addr", "5", "chardev", "echo"));
            var tty = guest.run("while [ -z \"$(pci-ttys 00:05.0)\" ]; do usleep 50000; done; pci-ttys 00:05.0")
                    .ok();
            assertTrue(guest.run("setserial -g " + tty).ok().contains("UART: 16550A"));

            assertEquals(
                    tty + ": 65536 bytes came back",
                    guest.run("serial-loop " + tty + " 65536").ok());
            echo.lie(true);
            var lied = guest.run("serial-loop " + tty + " 100");
            assertNotEquals(0, lied.status(), lied.output());
            echo.lie(false);
            assertEquals(
                    tty + ": 100 bytes came back",
                    guest.run("serial-loop " + tty + " 100").ok());

            guest.unplug("port");
            assertEquals("", guest.run("pci-ttys 00:05.0").ok());
        }
    }
}
