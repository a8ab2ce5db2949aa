package itests.vm;

import static org.junit.jupiter.api.Assertions.assertEquals;

import itests.Patience;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/** One VM with several devices: two of one parent, of two types, and one of another parent. */
@RequiresVm
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
final class SeveralDevicesIT {
    private static final String DUAL = "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001";
    private static final String SINGLE = "83b8f4f2-509f-382f-3c1e-e6bfe0fa1002";
    private static final String GPU = "83b8f4f2-509f-382f-3c1e-e6bfe0fa1003";

    private Platform platform;
    private Guest guest;

    @BeforeAll
    void boot() throws Exception {
        platform = Platform.start("--load", "vendor.mtty,vendor.gpu-sim");
        guest = Guest.boot(
                platform.create("mtty", "mtty-2", DUAL),
                platform.create("mtty", "mtty-1", SINGLE),
                platform.create("gpu0", "gpu-sim-16m", GPU));
    }

    @AfterAll
    void end() throws Exception {
        try (var platform = this.platform) {
            try (var guest = this.guest) {
                assertEquals(0, guest.poweroff());
            }
            assertEquals(List.of(), platform.stop());
            assertEquals("", platform.errors());
        }
    }

    @Test
    void guestBindsADriverToEachDevice() throws Exception {
        assertEquals(
                List.of("00:05.0 4348:3253 serial", "00:06.0 4348:3253 serial", "00:07.0 1234:1111 bochs-drm"),
                guest.run("""
                                for slot in 00:05.0 00:06.0 00:07.0; do
                                    device=/sys/bus/pci/devices/0000:$slot
                                    read vendor <$device/vendor && read id <$device/device
                                    echo $slot ${vendor#0x}:${id#0x} $(basename $(readlink $device/driver))
                                done
                                """).ok().lines().toList());
    }

    @Test
    void allPortsWorkAtOnce() throws Exception {
        var ttys = new ArrayList<>(new SerialCard(guest, 5, 2).ttys());
        ttys.addAll(new SerialCard(guest, 6, 1).ttys());
        assertEquals(3, Set.copyOf(ttys).size());
        SerialCard.loopAll(guest, ttys, 16 << 10);
    }

    /** A guest program's drawing is in the device's memory, where QEMU's monitor finds it. */
    @Test
    void screenIsDrawnWhileAPortIsBusy() throws Exception {
        assertEquals(
                "bochs-drmdrmfb", guest.run("cat /sys/class/graphics/fb0/name").ok());
        var tty = new SerialCard(guest, 6, 1).ttys().getFirst();
        guest.run("serial-loop " + tty
                        + " 16384 & yes mdev | head -c 4096 | dd of=/dev/fb0 bs=4096 seek=256 && wait $!")
                .ok();
        var address = guest.run("sed -n '1s/ .*//p' /sys/bus/pci/devices/0000:00:07.0/resource")
                .ok();
        var drawn = Pattern.compile(": 0x6d 0x64 0x65 0x76 0x0a 0x6d 0x64 0x65");
        // In the middle, away from the blinking cursor. Linux draws shortly after the request.
        Deadline.await(
                Patience.TIME,
                "the pixels arrive",
                () -> drawn.matcher(memory(address)).find());
    }

    private String memory(String address) {
        try {
            return guest.qmp()
                    .execute("human-monitor-command", Map.of("command-line", "xp /8xb " + address + " + 0x100000"))
                    .asText();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
