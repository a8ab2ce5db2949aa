package itests;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import itests.vm.Platform;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Subchannels plugged in and unplugged through configuration files in the drop folder of a running platform. */
final class CcwConfigurationIT {
    private static final String UUID = "83b8f4f2-509f-382f-3c1e-e6bfe0fa5001";
    private static final String CSS = "/sys/devices/virtual/vfio_ccw/";

    @TempDir
    Path drop;

    @TempDir
    Path disks;

    private Platform platform;

    @BeforeEach
    void start() throws IOException {
        platform = Platform.start("--drop", drop.toString(), "--load", "vendor.ccw-sim");
    }

    @AfterEach
    void stop() throws IOException {
        platform.close();
    }

    private void configure(String file, String... lines) throws IOException {
        Path written = Files.write(drop.resolve(file + ".part"), List.of(lines));
        Files.move(written, drop.resolve("vendor.ccwsim.subchannel-" + file + ".cfg"));
    }

    private void discard(String file) throws IOException {
        Files.delete(drop.resolve("vendor.ccwsim.subchannel-" + file + ".cfg"));
    }

    private List<String> subchannels() throws IOException, InterruptedException {
        return platform.run("sysfs:ls " + CSS).ok().lines().skip(1).toList();
    }

    private Path disk(String name, int bytes) throws IOException {
        return Files.write(disks.resolve(name), new byte[bytes]);
    }

    @Test
    void configurationPlugsASubchannelInAndUnplugsIt() throws Exception {
        assertEquals(List.of("0.0.0009", "0.0.0040"), subchannels());
        configure("disk", "name=0.0.0042", "device=disk", "size=2");
        configure("console", "name=fe.3.abcd", "device=console");
        Wait.until(
                "both are plugged in",
                () -> subchannels().equals(List.of("0.0.0009", "0.0.0040", "0.0.0042", "fe.3.abcd")));
        platform.run("mdev:create 0.0.0042 vfio_ccw-io " + UUID).ok();
        assertTrue(platform.run("mdev:state " + UUID)
                .ok()
                .lines()
                .anyMatch(line -> line.matches("subchannel\\.device\\.blocks: +4096")));

        discard("disk");
        discard("console");
        Wait.until("both are unplugged", () -> subchannels().equals(List.of("0.0.0009", "0.0.0040")));
        assertFalse(platform.run("mdev:list").ok().contains(UUID), "its device went with it");
        assertEquals("", platform.errors());
    }

    /** A disk's file is free as soon as its subchannel is gone: the next one waits neither for it nor for the name. */
    @Test
    void plugsInTheCopyOfADeletedConfiguration() throws Exception {
        String file = "file=" + disk("fba.img", 1024);
        configure("one", "name=0.0.0042", file);
        Wait.until("it is plugged in", () -> subchannels().contains("0.0.0042"));
        configure("two", "name=0.0.0042", "device=console");
        Wait.until("the name is taken", () -> platform.errors().contains("parent 0.0.0042 already exists"));
        discard("one");
        Wait.until("the console replaces it", () -> {
            platform.run("mdev:create 0.0.0042 vfio_ccw-io " + UUID);
            return platform.run("ccw:console " + UUID).status() == 0;
        });
        configure("three", "name=0.0.0043", file);
        Wait.until("another disk has the file", () -> subchannels().contains("0.0.0043"));
    }

    /** Each is rejected with a log line and has no other effect. */
    @Test
    void invalidConfigurationPlugsNoSubchannelIn() throws Exception {
        Path odd = disk("odd.img", 1000);
        Path used = disk("used.img", 512);
        configure("used", "name=0.0.0041", "file=" + used);
        Wait.until("the disk is plugged in", () -> subchannels().contains("0.0.0041"));
        configure("nameless", "device=disk");
        configure("name", "name=disk");
        configure("case", "name=0.0.ABCD");
        configure("twice", "name=0.0.0009");
        configure("device", "name=0.0.0050", "device=tape");
        configure("big", "name=0.0.0051", "size=9");
        configure("words", "name=0.0.0052", "size=many");
        configure("relative", "name=0.0.0053", "file=fba.img");
        configure("missing", "name=0.0.0054", "file=/nonexistent");
        configure("odd", "name=0.0.0055", "file=" + odd);
        configure("locked", "name=0.0.0056", "file=" + used);
        configure("right", "name=0.0.0057");
        Wait.until("the last one is plugged in", () -> subchannels().contains("0.0.0057"));
        List<String> lines = List.of(
                "'': its name is not like 0.0.0042 (cssid.ssid.devno, in hexadecimal)",
                "'disk': its name is not like 0.0.0042 (cssid.ssid.devno, in hexadecimal)",
                "'0.0.ABCD': its name is not like 0.0.0042 (cssid.ssid.devno, in hexadecimal)",
                "'0.0.0009': parent 0.0.0009 already exists",
                "'0.0.0050': no device 'tape': console or disk",
                "'0.0.0051': its size is not a number of MiB from 1 to 8; a file can have more",
                "'0.0.0052': its size is not a number of MiB from 1 to 8; a file can have more",
                "'0.0.0053': 'fba.img' is not an absolute file name",
                "'0.0.0054': /nonexistent does not exist",
                "'0.0.0055': " + odd + " has 1000 bytes, not a positive multiple of 512 below 1 TiB",
                "'0.0.0056': " + used + " is in use by another disk or process");
        for (String line : lines) {
            Wait.until("it says: " + line, () -> platform.errors().contains("mdev: no subchannel " + line + "\n"));
        }
        assertEquals(lines.size(), platform.errors().lines().count(), platform.errors());
        assertEquals(List.of("0.0.0009", "0.0.0040", "0.0.0041", "0.0.0057"), subchannels());
    }
}
