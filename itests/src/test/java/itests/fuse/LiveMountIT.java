package itests.fuse;

import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import itests.PackedBundle;
import itests.Patience;
import itests.vm.RegisterClient;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import mdev.linux.Fd;
import mdev.linux.LinuxException;
import mdev.linux.Poll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The mounted tree as seen by other programs while a driver is updated. */
final class LiveMountIT {
    private static final String UUID = "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001";
    private static final String DEVICE = "bus/mdev/devices/" + UUID + "/";

    /** The events of poll(2). */
    private static final int POLLPRI = 2;

    /** The names and inodes of all entries, the targets of links, and the number of instances. */
    private static final String LOOK = """
            cd bus/mdev/devices/UUID/
            stat -c '%n %i' . driver iommu_group mdev_type count mdev_type/available_instances
            readlink driver iommu_group mdev_type
            cat mdev_type/available_instances
            """.replace("UUID", UUID);

    @TempDir
    Path temp;

    private Path build(String version, Map<String, String> more) throws Exception {
        Map<String, String> headers = new HashMap<>(more);
        headers.put("Bundle-Version", version);
        return PackedBundle.build("itests.live", "itests.live", headers, Files.createTempDirectory(temp, "jar"));
    }

    private static String read(Fd file) throws LinuxException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment text = arena.allocate(64);
            long length = file.pread(0, text, 0, text.byteSize());
            return new String(text.asSlice(0, length).toArray(ValueLayout.JAVA_BYTE), StandardCharsets.US_ASCII)
                    .strip();
        }
    }

    @Test
    void openFilesLinksAndPollersStay() throws Exception {
        Path one = build("1.0.0", Map.of());
        Path two = build("2.0.0", Map.of("Live-Extra", "7"));
        try (MountedPlatform mounted = MountedPlatform.start("--load", one.toString())) {
            mounted.platform().run("mdev:create live0 live-a " + UUID).ok();
            Path device = mounted.directory().resolve(DEVICE);
            String before = mounted.sh(LOOK);
            try (Fd count = Fd.open(device.resolve("count"), Fd.O_RDONLY);
                    RegisterClient client =
                            new RegisterClient(mounted.platform().socket(UUID))) {
                assertEquals("1.0.0 0", read(count));
                assertEquals(0, Poll.await(count, POLLPRI, Duration.ZERO));

                mounted.platform().run("mdev:update itests.live " + two).ok();

                assertAll(
                        () -> assertEquals(before, mounted.sh(LOOK)),
                        () -> assertEquals("2.0.0 0", read(count)),
                        () -> assertEquals("7\n", Files.readString(device.resolve("extra"))),
                        () -> assertEquals(7, client.read(0, 4, 4), "a register of the new version"));
                assertEquals("", mounted.sh("echo 43 >" + DEVICE + "count"));
                assertTrue(Poll.await(count, POLLPRI, Patience.TIME) != 0, "the poller of the old version's file");
                assertEquals("2.0.0 43", read(count));
                assertEquals(43, client.read(0, 0, 4));

                mounted.platform().run("mdev:update itests.live " + one).ok();

                assertAll(
                        () -> assertEquals(before, mounted.sh(LOOK)),
                        () -> assertEquals("1.0.0 43", read(count)),
                        () -> assertFalse(Files.exists(device.resolve("extra"))),
                        () -> assertEquals(0, client.read(0, 4, 4)));
            }
        }
    }
}
