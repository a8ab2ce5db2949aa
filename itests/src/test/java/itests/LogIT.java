package itests;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import itests.vm.Platform;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.UUID;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code RUN/mdev.log}: kept through starts, bounded, with levels that change at run time. */
final class LogIT {
    private static final String UUID_TEXT = "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001";

    private final Mdev mdev = Mdev.here();

    @TempDir
    Path temp;

    /** Why a platform ended is in its log, and the next start on its run directory must not delete that. */
    @Test
    void startAppendsToTheLog() throws Exception {
        Path run = temp.resolve("run");
        Path log = run.resolve("mdev.log");
        mdev.runWith("mdev:lsmod\n", "--run", run.toString(), "--no-mount").ok();
        String first = Files.readString(log);
        assertTrue(!first.isEmpty());

        mdev.runWith("mdev:lsmod\n", "--run", run.toString(), "--no-mount").ok();
        String both = Files.readString(log);
        assertTrue(both.startsWith(first) && both.length() > first.length(), both);
    }

    @Test
    void sizeIsBounded() throws Exception {
        Path run = temp.resolve("run");
        Path lines = Files.writeString(
                temp.resolve("lines"),
                "mdev:modprobe vendor.mtty\n"
                        + ("mdev:create mtty mtty-1 " + UUID_TEXT + "; mdev:remove " + UUID_TEXT + "\n").repeat(50));
        ProcessBuilder builder =
                mdev.command("--run", run.toString(), "--no-mount").redirectInput(lines.toFile());
        builder.environment().put("MDEV_LOG_SIZE", "2KB");
        builder.environment().put("MDEV_LOG_FILES", "3");
        assertEquals(0, Mdev.end(builder.start()));

        try (Stream<Path> files = Files.list(run)) {
            List<Path> numbered = files.filter(
                            file -> file.getFileName().toString().matches("mdev\\.\\d+\\.log"))
                    .sorted()
                    .toList();
            assertEquals(3, numbered.size(), numbered::toString);
            for (Path file : numbered) {
                assertTrue(Files.size(file) < 2048 + 512, file::toString); // the last line may exceed it
            }
            assertTrue(numbered.stream().anyMatch(file -> isSame(file, run.resolve("mdev.log"))), numbered::toString);
        }
    }

    private static boolean isSame(Path one, Path other) {
        try {
            return Files.isSameFile(one, other);
        } catch (IOException e) {
            return false;
        }
    }

    /** The watcher applies the file as a whole; its warning about an unknown word shows that it has taken effect. */
    private void levels(Platform platform, String levels, String osgi) throws Exception {
        String mark = UUID.randomUUID().toString();
        Path written = Files.writeString(
                temp.resolve("mdev.log.part"), "levels=" + levels + " " + mark + "\nosgiLevels=" + osgi + "\n");
        Files.move(written, temp.resolve("mdev.log.cfg"), StandardCopyOption.REPLACE_EXISTING);
        Wait.until("the levels are set", () -> platform.errors().contains("'" + mark + "' in levels"));
    }

    private static long linesAbout(Platform platform, String uuid) throws IOException {
        return Files.readString(platform.run().resolve("mdev.log"))
                .lines()
                .filter(line -> line.contains("created " + uuid))
                .count();
    }

    @Test
    void levelChangesAtRunTime() throws Exception {
        try (Platform platform = Platform.start("--drop", temp.toString(), "--load", "vendor.mtty")) {
            for (String levels : List.of("warn", "info mdev.core=warn", "warn mdev.core.MdevDevice=info", "info")) {
                levels(platform, levels, "warn");
                String uuid = UUID.randomUUID().toString();
                platform.run("mdev:create mtty mtty-1 " + uuid).ok();

                assertEquals(levels.endsWith("info") ? 1 : 0, linesAbout(platform, uuid), levels);
            }
            assertEquals(
                    List.of(),
                    platform.errors()
                            .lines()
                            .filter(line -> !line.contains("ignored"))
                            .toList());
        }
    }

    /** Felix SCR logs to the OSGi log, under the names of the components' classes. */
    @Test
    void levelsOfTheOsgiLogChangeAtRunTime() throws Exception {
        try (Platform platform = Platform.start("--drop", temp.toString())) {
            for (String osgi : List.of("warn", "warn vendor.mtty=debug", "warn")) {
                levels(platform, "info", osgi);
                long before = linesOfScr(platform);
                platform.run("mdev:modprobe vendor.mtty; mdev:rmmod vendor.mtty")
                        .ok();

                if (osgi.equals("warn")) {
                    assertEquals(before, linesOfScr(platform));
                } else {
                    Wait.until("SCR is heard", () -> linesOfScr(platform) > before);
                    // The entries are logged on a separate thread; the last one is the end of the component.
                    Wait.until(
                            "all of it",
                            () -> Files.readString(platform.run().resolve("mdev.log"))
                                    .contains("to disposed"));
                }
            }
        }
    }

    private static long linesOfScr(Platform platform) throws IOException {
        return Files.readString(platform.run().resolve("mdev.log"))
                .lines()
                .filter(line -> line.contains("FrameworkLog: vendor.mtty: "))
                .count();
    }

    @Test
    void deviceIsLoggedWithItsRequester() throws Exception {
        try (Platform platform = Platform.start("--load", "vendor.mtty")) {
            String uuid = UUID.randomUUID().toString();
            platform.run("mdev:create mtty mtty-1 " + uuid + "; mdev:remove " + uuid)
                    .ok();

            List<String> lines = Files.readString(platform.run().resolve("mdev.log"))
                    .lines()
                    .filter(line -> line.contains(uuid) && line.contains("vendor.mtty: "))
                    .map(line -> line.replaceFirst("^.*vendor\\.mtty: ", "").replaceFirst("client \\d+", "client N"))
                    .toList();
            assertEquals(
                    List.of(
                            "created " + uuid + ", a mtty-1 of mtty, for client N of the control socket",
                            "removed " + uuid + ", for client N of the control socket"),
                    lines);
        }
    }
}
