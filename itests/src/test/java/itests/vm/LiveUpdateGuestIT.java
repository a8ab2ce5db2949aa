package itests.vm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import itests.PackedBundle;
import itests.Patience;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The driver of a card is updated repeatedly while the guest sends through both of its ports. */
@RequiresVm
final class LiveUpdateGuestIT {
    private static final String UUID = "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001";
    private static final int UPDATES = 200;
    private static final int CHUNK = 4096;

    /** At the end of a traced message: the time from its arrival to its reply. */
    private static final Pattern MICROSECONDS = Pattern.compile(" (\\d+)\\.\\d us$");

    private static final Pattern CLASS_LOADERS = Pattern.compile("^ *\\d+: +(\\d+) .*BundleClassLoader");

    @TempDir
    Path temp;

    @Test
    void guestSendsWhileItsDriverIsUpdated() throws Exception {
        try (var platform = Platform.start("--load", "vendor.mtty");
                var guest = Guest.boot()) {
            guest.plug("live", 5, platform.create("mtty", "mtty-2", UUID));
            var card = new SerialCard(guest, 5, 2);
            var ttys = card.ttys();
            var others = bundles(platform);
            platform.run("mdev:update mtty").ok();
            var loaders = classLoaders(platform);
            assertTrue(loaders > 0);
            var footprint = platform.idleFootprint();

            var trace = temp.resolve("trace");
            var tracing = platform.begin("vfio:trace " + UUID + " " + trace);
            var enough = new AtomicBoolean();
            var rounds = CompletableFuture.supplyAsync(() -> loop(card, enough));
            String output;
            try {
                Deadline.await(Patience.TIME, "the guest sends", () -> Files.exists(trace) && size(trace) > 0);
                output = platform.run(IntStream.range(0, UPDATES)
                                .mapToObj(_ -> "mdev:update mtty")
                                .collect(Collectors.joining("; ")))
                        .ok();
            } finally {
                enough.set(true);
            }
            assertTrue(rounds.get(Patience.TIME.toSeconds(), TimeUnit.SECONDS) > 0);
            tracing.destroy();
            assertTrue(tracing.waitFor(Patience.TIME));

            assertEquals(
                    UPDATES,
                    output.lines().filter(line -> line.contains(" replaces ")).count());
            for (var tty : ttys) {
                var statistics = card.statistics(tty);
                assertFalse(
                        Pattern.compile(" (oe|fe|pe|brk):").matcher(statistics).find(), statistics);
            }
            assertEquals(others, bundles(platform));
            System.out.println("a guest's requests during updates, in ms: p50, p99, most: " + pauses(trace));
            platform.awaitFootprint(footprint);
            Deadline.await(
                    Patience.TIME,
                    "the old versions' class loaders are collected",
                    () -> classLoaders(platform) == loaders);

            assertEquals(0, guest.poweroff());
            assertEquals(List.of(), platform.stop());
            assertEquals("", platform.errors());
            assertEquals(List.of(), platform.refusals());
        }
    }

    private Path version(String version, Map<String, String> more) throws Exception {
        Map<String, String> headers = new HashMap<>(more);
        headers.put("Bundle-Version", version);
        return PackedBundle.build("itests.live", "itests.live", headers, Files.createTempDirectory(temp, "jar"));
    }

    /** The new version has another register and another attribute; the old one has neither. */
    @Test
    void newRegisterAppearsInTheGuestAndGoes() throws Exception {
        var one = version("1.0.0", Map.of());
        var two = version("2.0.0", Map.of("Live-Extra", "7"));
        var registers = "bar=$(head -n 1 /sys/bus/pci/devices/0000:00:05.0/resource | cut -d ' ' -f 1);"
                + " setpci -s 00:05.0 COMMAND=2:2; devmem $bar 32; devmem $((bar + 4)) 32";
        try (var platform = Platform.start("--load", one.toString());
                var guest = Guest.boot(platform.create("live0", "live-a", UUID))) {
            var device = "/sys/bus/mdev/devices/" + UUID;
            platform.run("sysfs:write " + device + "/count 42").ok();
            assertEquals("0x0000002A\n0x00000000", guest.run(registers).ok());

            platform.run("mdev:update itests.live " + two).ok();
            assertEquals("0x0000002A\n0x00000007", guest.run(registers).ok());
            assertEquals("7", platform.run("sysfs:cat " + device + "/extra").ok());

            platform.run("mdev:update itests.live " + one).ok();
            assertEquals("0x0000002A\n0x00000000", guest.run(registers).ok());
            assertEquals(1, platform.run("sysfs:cat " + device + "/extra").status());
            assertEquals(0, guest.poweroff());
            assertEquals(List.of(), platform.stop());
            assertEquals("", platform.errors());
            assertEquals(List.of(), platform.refusals());
        }
    }

    private static int loop(SerialCard card, AtomicBoolean enough) {
        try {
            int done = 0;
            while (!enough.get()) {
                card.loopAll(CHUNK);
                done++;
            }
            return done;
        } catch (IOException e) {
            throw new CompletionException(e);
        }
    }

    private static long size(Path file) {
        try {
            return Files.size(file);
        } catch (IOException e) {
            return 0;
        }
    }

    /** The ids of all bundles but the driver's. */
    private static List<String> bundles(Platform platform) throws Exception {
        return platform.run("lb -s")
                .ok()
                .lines()
                .filter(line -> !line.contains("vendor.mtty"))
                .toList();
    }

    /** The number of bundles whose classes are loaded; a full collection precedes the count. */
    private static int classLoaders(Platform platform) {
        try {
            var jcmd = new ProcessBuilder(
                            Path.of(System.getProperty("java.home"), "bin", "jcmd")
                                    .toString(),
                            Long.toString(platform.pid()),
                            "GC.class_histogram")
                    .start();
            try (var lines = jcmd.inputReader()) {
                return lines.lines()
                        .flatMap(line -> CLASS_LOADERS.matcher(line).results())
                        .mapToInt(found -> Integer.parseInt(found.group(1)))
                        .sum();
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** The longest times between a request and its reply: as many as there were updates. */
    private static String pauses(Path trace) throws IOException {
        List<Double> longest;
        try (var lines = Files.lines(trace)) {
            longest = lines.flatMap(line -> MICROSECONDS.matcher(line).results())
                    .map(found -> Integer.parseInt(found.group(1)) / 1000.0)
                    .sorted()
                    .toList();
        }
        var pauses = longest.subList(Math.max(0, longest.size() - UPDATES), longest.size());
        return Stream.of(0.5, 0.99, 1.0)
                .map(share -> pauses.get((int) (share * (pauses.size() - 1))).toString())
                .collect(Collectors.joining(", "));
    }
}
