package itests;

import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import itests.vm.Platform;
import itests.vm.RegisterClient;
import itests.vm.Result;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code mdev:save} and {@code mdev:restore}: a device in a file, and a device from it. */
final class SnapshotIT {
    private static final String UUID = "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001";
    private static final String COPY = "83b8f4f2-509f-382f-3c1e-e6bfe0fa1002";
    private static final String NEWER = "83b8f4f2-509f-382f-3c1e-e6bfe0fa1003";
    private static final int MEMORY = 2;
    private static final long PLACE = 0x8000;
    private static final long VALUE = 0xc0ffee;

    @TempDir
    Path temp;

    private Path build(String version, Map<String, String> more) throws Exception {
        Map<String, String> headers = new HashMap<>(more);
        headers.put("Bundle-Version", version);
        return PackedBundle.build("itests.live", "itests.live", headers, Files.createTempDirectory(temp, "jar"));
    }

    private Platform start() throws Exception {
        Platform platform = Platform.start("--load", build("1.0.0", Map.of()).toString());
        platform.run("mdev:create live0 live-a " + UUID).ok();
        platform.run("sysfs:write /sys/bus/mdev/devices/" + UUID + "/count 42").ok();
        return platform;
    }

    private static String count(Platform platform, String uuid) throws Exception {
        return platform.run("sysfs:cat /sys/bus/mdev/devices/" + uuid + "/count")
                .ok();
    }

    @Test
    void restoredDeviceHasTheStateAndTheMemory() throws Exception {
        Path file = temp.resolve("device.mdev");
        try (Platform platform = start()) {
            try (RegisterClient user = new RegisterClient(platform.socket(UUID))) {
                user.write(MEMORY, PLACE, 4, VALUE);
                platform.run("mdev:save " + UUID + " " + file).ok();
                user.write(MEMORY, PLACE, 4, 1);
                assertEquals(42, user.read(0, 0, 4));
            }

            assertEquals(
                    "", platform.run("mdev:restore live0 " + file + " " + COPY).ok());

            assertEquals("1.0.0 42", count(platform, COPY));
            platform.run("vfio:info " + COPY).ok(); // which opens the device, too
            try (RegisterClient user = new RegisterClient(platform.socket(COPY))) {
                assertEquals(VALUE, user.read(MEMORY, PLACE, 4));
                assertEquals(0, user.read(MEMORY, 0, 4));
                assertEquals(42, user.read(0, 0, 4));
            }
            try (RegisterClient user = new RegisterClient(platform.socket(COPY))) {
                assertEquals(0, user.read(MEMORY, PLACE, 4), "the memory is the first user's");
            }
            platform.run("mdev:update itests.live " + build("2.0.0", Map.of("Live-Extra", "7")))
                    .ok();
            platform.run("mdev:restore live0 " + file + " " + NEWER).ok();
            assertEquals("2.0.0 42", count(platform, NEWER));
            platform.run("mdev:remove " + NEWER).ok(); // with the memory that no user has had
            assertEquals(List.of(), platform.stop());
            assertEquals("", platform.errors());
        }
    }

    private Path file(String name, byte[] content) throws IOException {
        return Files.write(temp.resolve(name), content);
    }

    @Test
    void badFilesCreateNothing() throws Exception {
        Path good = temp.resolve("device.mdev");
        try (Platform platform = start()) {
            platform.run("mdev:save " + UUID + " " + good).ok();
            byte[] content = Files.readAllBytes(good);
            byte[] flipped = content.clone();
            flipped[new String(content, StandardCharsets.ISO_8859_1).indexOf("mdev-migration")] ^= 0x55;
            byte[] huge = content.clone();
            Arrays.fill(huge, 0, 4, (byte) 0x7f);
            String before = platform.run("mdev:list").ok();
            for (Path bad : List.of(
                    file("empty", new byte[0]),
                    file("short", Arrays.copyOf(content, 3)),
                    file("head", Arrays.copyOf(content, 40)),
                    file("cut", Arrays.copyOf(content, content.length - 1)),
                    file("long", Arrays.copyOf(content, content.length + 1)),
                    file("huge", huge),
                    file("flipped", flipped),
                    file("text", "not a device".getBytes(StandardCharsets.US_ASCII)),
                    temp,
                    temp.resolve("nope"))) {
                Result refused = platform.run("mdev:restore live0 " + bad + " " + COPY);
                assertAll(
                        () -> assertEquals(1, refused.status(), bad + ": " + refused.output()),
                        () -> assertTrue(
                                refused.output()
                                        .lines()
                                        .filter(line -> !line.startsWith("mdev: "))
                                        .allMatch(line -> line.startsWith("mdev:restore: ")),
                                refused.output()),
                        () -> assertEquals(before, platform.run("mdev:list").ok(), bad.toString()));
            }
            assertEquals(1, platform.run("mdev:restore nope " + good).status());
            assertEquals(1, platform.run("mdev:save " + UUID + " " + temp).status());
            assertEquals(1, platform.run("mdev:save nope " + good).status());
            assertEquals(
                    1, platform.run("mdev:restore live0 " + good + " " + UUID).status(), "the UUID is taken");
            assertEquals("1.0.0 42", count(platform, UUID));
            platform.run("mdev:restore live0 " + good + " " + COPY).ok();
            assertEquals("1.0.0 42", count(platform, COPY));
        }
    }
}
