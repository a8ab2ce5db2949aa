package itests;

import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import itests.vm.Platform;
import itests.vm.RegisterClient;
import itests.vm.Result;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Updates a driver with a device: regardless of the new version's behaviour, the device stays with its state. */
final class LiveUpdateIT {
    private static final String UUID = "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001";
    private static final String NAME = "itests.live";

    @TempDir
    Path temp;

    /** @return the jar of a version with the fault; without a fault if it is empty */
    private Path build(String version, String fault) throws Exception {
        return build(
                version,
                fault.equals("does not resolve")
                        ? Map.of("Import-Package", "nobody.has.it,*")
                        : Map.of("Live-Fault", fault.isEmpty() ? "none" : fault));
    }

    private Path build(String version, Map<String, String> more) throws Exception {
        Map<String, String> headers = new HashMap<>(more);
        headers.put("Bundle-Version", version);
        return PackedBundle.build(NAME, NAME, headers, Files.createTempDirectory(temp, "jar"));
    }

    private static Platform start(Path jar) throws Exception {
        Platform platform = Platform.start("--no-mount", "--load", jar.toString());
        platform.run("mdev:create live0 live-a " + UUID).ok();
        platform.run("sysfs:write /sys/bus/mdev/devices/" + UUID + "/count 42").ok();
        return platform;
    }

    private static String count(Platform platform) throws Exception {
        return platform.run("sysfs:cat /sys/bus/mdev/devices/" + UUID + "/count")
                .ok();
    }

    /** A user of the device that reads its register without a pause. */
    private static final class Reader implements AutoCloseable {
        private final AtomicBoolean ended = new AtomicBoolean();
        private final CompletableFuture<Long> reads = new CompletableFuture<>();

        Reader(Platform platform) throws Exception {
            RegisterClient client = new RegisterClient(platform.socket(UUID));
            Thread.ofPlatform().daemon().start(() -> {
                try (client) {
                    long done = 0;
                    while (!ended.get()) {
                        assertEquals(42, client.read(0, 0, 4));
                        done++;
                    }
                    reads.complete(done);
                } catch (Throwable t) {
                    reads.completeExceptionally(t);
                }
            });
        }

        /** @throws CompletionException a read failed, or returned another value */
        @Override
        public void close() {
            ended.set(true);
            assertTrue(
                    reads.orTimeout(Patience.TIME.toSeconds(), TimeUnit.SECONDS).join() > 0);
        }
    }

    @Test
    void newVersionTakesTheDeviceWithItsState() throws Exception {
        try (Platform platform = start(build("1.0.0", ""))) {
            try (Reader _ = new Reader(platform)) {
                String before = platform.run("mdev:list").ok();

                String told = platform.run("mdev:update itests.live " + build("2.0.0", ""))
                        .ok();

                assertTrue(told.matches("itests.live 2.0.0 replaces 1.0.0; the devices paused for \\d+ ms"), told);
                assertEquals("2.0.0 42", count(platform));
                assertEquals(before, platform.run("mdev:list").ok());
                assertTrue(platform.run("mdev:state " + UUID).ok().contains("42"));
                assertEquals(1, bundles(platform));
            }
            platform.run("mdev:rmmod itests.live").ok();
            assertEquals(0, bundles(platform));
            assertEquals(List.of(), platform.stop());
        }
    }

    private static long bundles(Platform platform) throws Exception {
        return platform.run("lb -s")
                .ok()
                .lines()
                .filter(line -> line.contains(NAME))
                .count();
    }

    @Test
    void newVersionReplacesOneThatDoesNotStop() throws Exception {
        try (Platform platform = start(build("1.0.0", "deactivate hangs"));
                Reader _ = new Reader(platform)) {
            platform.run("mdev:update itests.live " + build("2.0.0", "")).ok();
            assertEquals("2.0.0 42", count(platform));
            platform.run("mdev:update itests.live " + build("2.0.0", "")).ok();
            assertEquals("2.0.0 42", count(platform));
        }
    }

    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', textBlock = """
            does not resolve | nobody.has.it
            activate throws  | not today
            activate hangs   | does not return
            other parent     | parent live0 has not been registered again
            other type       | lacks it
            create throws    | not today
            create hangs     | has not returned in time
            restore throws   | not today
            restore hangs    | has not returned in time
            """)
    void oldVersionContinuesIfTheNewOneCannot(String fault, String reason) throws Exception {
        try (Platform platform = start(build("1.0.0", ""));
                Reader _ = new Reader(platform)) {
            String before = platform.run("mdev:list").ok();

            assertRefused(platform.run("mdev:update itests.live " + build("2.0.0", fault)), reason);

            assertEquals("1.0.0 42", count(platform));
            assertEquals(before, platform.run("mdev:list").ok());
            platform.run("mdev:update itests.live " + build("3.0.0", "")).ok();
            assertEquals("3.0.0 42", count(platform));
        }
    }

    /** The new version would fail as soon as it is started. */
    @ParameterizedTest(name = "{0}")
    @CsvSource(delimiter = '|', textBlock = """
            reads:List<Long>="1,3" | e6bfe0fa1001 has version 2, and the new version reads only [1, 3]
            reads:Long=2           | its capability mdev.device.state has no reads:List<Long>
            """)
    void versionThatCannotReadTheStateIsNotStarted(String declared, String reason) throws Exception {
        try (Platform platform = start(build("1.0.0", Map.of("Live-State", "2")));
                Reader _ = new Reader(platform)) {
            Path next = build(
                    "2.0.0",
                    Map.of("Provide-Capability", "mdev.device.state;" + declared, "Live-Fault", "activate throws"));
            Result refused = platform.run("mdev:update itests.live " + next);
            assertEquals(1, refused.status(), refused.output());
            assertEquals(1, refused.output().lines().count(), refused.output());
            assertTrue(refused.output().strip().endsWith(reason + " (EINVAL)"), refused.output());
            assertEquals("1.0.0 42", count(platform));

            String both = "mdev.device.state;reads:List<Long>=\"1,2\"";
            platform.run("mdev:update itests.live " + build("2.0.0", Map.of("Provide-Capability", both)))
                    .ok();
            assertEquals("2.0.0 42", count(platform));
        }
    }

    /** One line for the caller, in addition to the log lines about a hung version. */
    private static void assertRefused(Result refused, String reason) {
        List<String> lines = refused.output()
                .lines()
                .filter(line -> !line.startsWith("mdev: "))
                .toList();
        assertAll(
                () -> assertEquals(1, refused.status()),
                () -> assertEquals(1, lines.size(), refused.output()),
                () -> assertTrue(lines.getFirst().startsWith("mdev:update: itests.live: "), refused.output()),
                () -> assertTrue(lines.getFirst().contains(reason), refused.output()),
                () -> assertTrue(refused.output().lines().count() == 1 || reason.contains("return"), refused.output()));
    }

    @Test
    void versionThatCannotSaveContinues() throws Exception {
        try (Platform platform = start(build("1.0.0", "save throws"));
                Reader _ = new Reader(platform)) {
            assertRefused(platform.run("mdev:update itests.live " + build("2.0.0", "")), "save of " + UUID + ": not");
            assertEquals("1.0.0 42", count(platform));
        }
    }

    @Test
    void deviceWithoutStateIsNotUpdatedInUse() throws Exception {
        try (Platform platform = start(build("1.0.0", "no state"))) {
            Path next = build("2.0.0", "");
            try (Reader _ = new Reader(platform)) {
                assertRefused(
                        platform.run("mdev:update itests.live " + next),
                        "its devices in use: " + UUID + " by vfio-user");
                assertEquals("1.0.0 42", count(platform));
            }
            try (RegisterClient client = new RegisterClient(platform.socket(UUID))) {
                String told = platform.run("mdev:update -f itests.live " + next).ok();
                assertTrue(told.startsWith("itests.live is in use: " + UUID), told);
                assertThrows(IOException.class, () -> client.read(0, 0, 4));
            }
            assertFalse(platform.run("mdev:list").ok().contains(UUID));
            assertTrue(platform.run("lb -s").ok().contains("itests.live (2.0.0)"));
        }
    }

    @Test
    void otherFilesChangeNothing() throws Exception {
        try (Platform platform = start(build("1.0.0", ""))) {
            Path text = Files.writeString(temp.resolve("text.jar"), "no jar");
            for (String file : List.of(
                    text.toString(), PlatformTestSupport.module("vendor.mtty").toString(), "/nope.jar")) {
                Result refused = platform.run("mdev:update itests.live " + file);
                assertEquals(1, refused.status(), refused.output());
                assertEquals(1, refused.output().lines().count(), refused.output());
            }
            assertEquals("1.0.0 42", count(platform));
        }
    }

    @Test
    void droppedVersionTakesTheDeviceOver() throws Exception {
        Path drop = Files.createDirectory(temp.resolve("drop"));
        Path dropped = Files.copy(build("1.0.0", ""), drop.resolve("live.jar"));
        try (Platform platform = Platform.start("--no-mount", "--drop", drop.toString())) {
            Wait.until("it runs", () -> platform.run("mdev:parents").ok().contains("live0"));
            platform.run("mdev:create live0 live-a " + UUID).ok();
            platform.run("sysfs:write /sys/bus/mdev/devices/" + UUID + "/count 42")
                    .ok();

            Path next = drop.resolve("next");
            Files.copy(build("2.0.0", ""), next);
            Files.move(next, dropped, StandardCopyOption.REPLACE_EXISTING);

            Wait.until("it is replaced", () -> count(platform).equals("2.0.0 42"));
            Files.delete(dropped);
            Wait.until(
                    "it is unloaded", () -> !platform.run("mdev:parents").ok().contains("live0"));
            assertFalse(platform.run("lb -s").ok().contains(NAME));
        }
    }
}
