package itests.vm;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.fasterxml.jackson.databind.ObjectMapper;
import itests.Patience;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Predicate;
import java.util.stream.IntStream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** Two VMs, each with a vGPU of the same GPU, and their guests' screens. The first has a serial card too. */
@RequiresVm
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
final class GpuGuestIT {
    private static final String FIRST = "83b8f4f2-509f-382f-3c1e-e6bfe0fa2001";
    private static final String SECOND = "83b8f4f2-509f-382f-3c1e-e6bfe0fa2002";
    private static final String SERIAL = "83b8f4f2-509f-382f-3c1e-e6bfe0fa2003";

    /** The source of the pixels. */
    private static final String WORD = "mdev\n";

    @TempDir
    private Path directory;

    private Platform platform;
    private Guest first;
    private Guest second;

    @BeforeAll
    void boot() throws Exception {
        platform = Platform.start("--load", "vendor.gpu-sim,vendor.mtty");
        first = Guest.start(platform.create("gpu0", "gpu-sim-16m", FIRST), platform.create("mtty", "mtty-1", SERIAL));
        second = Guest.start(platform.create("gpu0", "gpu-sim-8m", SECOND));
        first.awaitBoot();
        second.awaitBoot();
    }

    @AfterAll
    void end() throws Exception {
        try (var platform = this.platform) {
            try (var first = this.first;
                    var second = this.second) {
                assertEquals(0, first.poweroff());
                assertEquals(0, second.poweroff());
            }
            assertEquals(List.of(), platform.stop());
            assertEquals("", platform.errors());
        }
    }

    @Test
    void stockDriverMakesAFrameBuffer() throws Exception {
        assertEquals(
                "bochs-drm bochs-drmdrmfb 1920,1080",
                first.run("echo $(basename $(readlink /sys/bus/pci/devices/0000:00:05.0/driver))"
                                + " $(cat /sys/class/graphics/fb0/name /sys/class/graphics/fb0/virtual_size)")
                        .ok());
    }

    @Test
    void screenshotShowsTheConsole() throws Exception {
        second.run("printf '\\033c\\033[?25l\\n  MDEV\\n' >/dev/tty1").ok();
        awaitScreen(
                SECOND,
                "the console says MDEV",
                screen -> VgaFont.read(screen, 1, 2, 4).equals("MDEV"));
    }

    /** Every pixel matches, and drawing sends no message. */
    @Test
    void screenshotShowsTheGuestsDrawing() throws Exception {
        first.run("printf '\\033c\\033[?25l' >/dev/tty1").ok();
        long before = messages(FIRST);
        // In one write: after many small writes Linux leaves the last column unchanged.
        first.run("yes mdev | head -c 8294400 >/tmp/pattern && dd if=/tmp/pattern of=/dev/fb0 bs=8294400")
                .ok();
        awaitScreen(
                FIRST,
                "the pattern is there",
                screen -> screen.getWidth() == 1920
                        && screen.getHeight() == 1080
                        && IntStream.range(0, 1920 * 1080)
                                .allMatch(pixel ->
                                        (screen.getRGB(pixel % 1920, pixel / 1920) & 0xffffff) == pattern(pixel)));
        assertEquals(before, messages(FIRST));
    }

    /**
     * Linux chooses a mode when the driver is bound: here, in the running guest, the mode of the other vGPU's monitor.
     */
    @Test
    void screenHasTheGuestsMode() throws Exception {
        String small =
                second.run("base64 -w 0 /sys/class/drm/card0-Virtual-1/edid").ok();
        first.run("mkdir -p /lib/firmware && echo " + small + " | base64 -d >/lib/firmware/small")
                .ok();
        try {
            rebind("small");
            first.run("printf '\\033c\\033[?25l\\n  MDEV\\n' >/dev/tty1").ok();
            awaitScreen(
                    FIRST,
                    "the console says MDEV in 1280x800",
                    screen -> screen.getWidth() == 1280
                            && screen.getHeight() == 800
                            && VgaFont.read(screen, 1, 2, 4).equals("MDEV"));
            assertEquals(
                    "1280x800 XRGB8888 stride 5120 start 0",
                    platform.run("sysfs:cat /sys/bus/mdev/devices/" + FIRST + "/display/mode")
                            .ok());
        } finally {
            rebind("");
        }
        awaitScreen(FIRST, "1920x1080", screen -> screen.getWidth() == 1920 && screen.getHeight() == 1080);
    }

    /** Rebinds the driver, with an EDID from a file instead of the vGPU's. */
    private void rebind(String edid) throws IOException {
        first.run("cd /sys/bus/pci/drivers/bochs-drm && echo 0000:00:05.0 >unbind"
                        + " && echo '" + edid + "' >/sys/module/drm/parameters/edid_firmware"
                        + " && echo 0000:00:05.0 >bind")
                .ok();
    }

    /** The bytes of a pixel: blue, green, red, unused. */
    private static int pattern(int pixel) {
        return letter(4 * pixel) | letter(4 * pixel + 1) << 8 | letter(4 * pixel + 2) << 16;
    }

    private static int letter(int at) {
        return WORD.charAt(at % WORD.length());
    }

    private long messages(String uuid) throws IOException, InterruptedException {
        var info = new ObjectMapper()
                .readTree(platform.run("vfio:info --json " + uuid).ok());
        return info.findValue("messages").asLong();
    }

    @Test
    void serialPortWorksBesideTheScreen() throws Exception {
        SerialCard.loopAll(first, new SerialCard(first, 6, 1).ttys(), 16 << 10);
    }

    private void awaitScreen(String uuid, String what, Predicate<BufferedImage> right) {
        Deadline.await(Patience.TIME, what, () -> {
            try {
                var file = directory.resolve(uuid + ".png");
                platform.run("gpu:screenshot " + uuid + " " + file).ok();
                return right.test(ImageIO.read(file.toFile()));
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
        });
    }
}
