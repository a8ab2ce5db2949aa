package itests.vm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import itests.Patience;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The driver of a GPU is updated again and again while one guest draws and another submits commands to the engine. */
@RequiresVm
final class GpuLiveUpdateGuestIT {
    private static final String SCREEN = "83b8f4f2-509f-382f-3c1e-e6bfe0fa2001";
    private static final String ENGINE = "83b8f4f2-509f-382f-3c1e-e6bfe0fa2002";
    private static final String FRAMES = "sysfs:cat /sys/bus/mdev/devices/" + ENGINE + "/engine/frames";
    private static final String COMMANDS = "sysfs:cat /sys/bus/mdev/devices/" + ENGINE + "/engine/commands";
    private static final int UPDATES = 50;
    private static final int WIDTH = 1280;
    private static final int HEIGHT = 800;

    /**
     * Draws two pictures in turn; on demand draws another one, which stays until it has been seen. A picture has one
     * byte in its upper half and another in its lower half. It is drawn in one write, because of Linux's damage
     * tracking.
     */
    private static final String DRAW = """
            half() { head -c %1$d /dev/zero | tr '\\0' "\\\\$1"; }
            picture() { half $1; half $2; }
            draw() { dd if=$1 of=/dev/fb0 bs=%2$d 2>/dev/null; }
            picture 125 252 >/tmp/one
            picture 252 125 >/tmp/other
            while [ ! -e /tmp/enough ]; do
                draw /tmp/one; draw /tmp/other
                [ -e /tmp/wanted ] || continue
                picture $(cat /tmp/wanted) >/tmp/picture
                rm /tmp/wanted
                draw /tmp/picture
                until [ -e /tmp/seen ]; do usleep 10000; done
                rm /tmp/seen
            done
            """.formatted(WIDTH * HEIGHT * 2, WIDTH * HEIGHT * 4);

    /**
     * The ring is the memory of an ivshmem card, which the engine reaches by DMA as it does RAM; a driver in user space
     * could not find the bus address of its memory otherwise. A round fills memory behind the screen with its number,
     * downloads it behind the ring, and ends a frame with a fence of that number.
     */
    private static final String DRIVER = """
            bar() { sed -n "$(($2 + 1))s/ .*//p" /sys/bus/pci/devices/0000:00:$1.0/resource; }
            engine=$(bar 05 4)
            shared=$(bar 07 2)
            reg() { devmem $((engine + $1)) 32 $2; }
            slot() { # SLOT NUMBER...
                at=$((shared + 64 * $1)); shift
                for number in "$@"; do devmem $at 32 $number; at=$((at + 4)); done
            }
            setpci -s 00:05.0 COMMAND=6:6
            setpci -s 00:07.0 COMMAND=2:2
            reg 0x1c 0
            reg 0x10 $((shared & 0xffffffff)); reg 0x14 $((shared >> 32)); reg 0x18 16
            reg 0x1c 1
            data=$((shared + 4096))
            round=0
            while [ ! -e /tmp/enough ]; do
                round=$((round + 1))
                first=$((3 * (round - 1) %% 16))
                fill=$first; download=$(((first + 1) %% 16)); fence=$(((first + 2) %% 16))
                slot $fill 0x301 $round 0x00100010 64 0x600000 0 0 0 0 0
                slot $download 6 0 0x00100010 64 $((data & 0xffffffff)) $((data >> 32)) 0 64 0x600000 0
                slot $fence 0x108 $round 0 0 0 0 0 0 0 0
                reg 0x24 $(((first + 3) %% 16))
                until [ $(($(reg 0x2c) & 1)) = 0 ]; do :; done
                [ $(($(reg 0x28))) = $round ] || echo round $round: fence $(reg 0x28), fault $(reg 0x30)
                for at in 0 1020; do
                    value=$(devmem $((data + at)) 32)
                    [ $((value)) = $round ] || echo round $round: $value at $at
                done
            done
            echo rounds $round
            """.formatted();

    @TempDir
    Path temp;

    @Test
    void guestsDrawAndComputeWhileTheirDriverIsUpdated() throws Exception {
        try (var platform = Platform.start("--load", "vendor.gpu-sim");
                var screen = Guest.start(platform.create("gpu0", "gpu-sim-8m", SCREEN));
                var computer = Guest.start(
                        List.of(
                                "-object",
                                "memory-backend-memfd,id=shared,size=1M",
                                "-device",
                                "ivshmem-plain,memdev=shared,addr=7"),
                        platform.create("gpu0", "gpu-sim-8m", ENGINE))) {
            screen.awaitBoot();
            computer.awaitBoot();
            screen.run("printf '\\033c\\033[?25l' >/dev/tty1").ok();
            platform.run("mdev:update vendor.gpu-sim").ok();
            var footprint = platform.idleFootprint();

            computer.background("{ " + DRIVER + "} >/tmp/result 2>&1; : >/tmp/ended");
            screen.background(DRAW + ": >/tmp/ended");
            Deadline.await(Patience.TIME, "a fence", () -> number(platform, FRAMES) > 0);
            for (int i = 0; i < UPDATES; i++) {
                int upper = 4 * i;
                int lower = 255 - upper;
                screen.run("echo %03o %03o >/tmp/next; mv /tmp/next /tmp/wanted".formatted(upper, lower))
                        .ok();
                long before = number(platform, "mdev:update vendor.gpu-sim; " + FRAMES);
                Deadline.await(
                        Patience.TIME,
                        "a fence and the picture",
                        () -> number(platform, "gpu:screenshot " + SCREEN + " " + screenshot() + "; " + FRAMES) > before
                                && shows(0x010101 * upper, 0x010101 * lower));
                screen.run(": >/tmp/seen").ok();
            }
            computer.run("touch /tmp/enough; until [ -e /tmp/ended ]; do usleep 10000; done")
                    .ok();
            screen.run("touch /tmp/enough; until [ -e /tmp/ended ]; do usleep 10000; done")
                    .ok();

            String result = computer.run("cat /tmp/result").ok();
            assertTrue(result.matches("rounds \\d+"), result);
            long rounds = Long.parseLong(result.substring("rounds ".length()));
            assertTrue(rounds >= UPDATES, result);
            assertEquals(rounds, number(platform, FRAMES), "fences");
            assertEquals(3 * rounds, number(platform, COMMANDS));
            platform.awaitFootprint(footprint);

            assertEquals(0, screen.poweroff());
            assertEquals(0, computer.poweroff());
            assertEquals(List.of(), platform.stop());
            assertEquals("", platform.errors());
            assertEquals(List.of(), platform.refusals());
        }
    }

    private Path screenshot() {
        return temp.resolve("screen.png");
    }

    /** Runs commands, the last of which prints a number. */
    private static long number(Platform platform, String commands) {
        try {
            return Long.parseLong(platform.run(commands).ok().lines().toList().getLast());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    private boolean shows(int upper, int lower) {
        try {
            var picture = ImageIO.read(screenshot().toFile());
            return picture.getWidth() == WIDTH
                    && picture.getHeight() == HEIGHT
                    && IntStream.range(0, WIDTH * HEIGHT)
                            .allMatch(pixel -> (picture.getRGB(pixel % WIDTH, pixel / WIDTH) & 0xffffff)
                                    == (pixel < WIDTH * HEIGHT / 2 ? upper : lower));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
