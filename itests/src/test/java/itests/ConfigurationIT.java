package itests;

import static org.junit.jupiter.api.Assertions.assertEquals;

import itests.vm.Platform;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Components are configured by {@code --set} and by files in the drop folder, while devices are in use. */
final class ConfigurationIT {
    private static final String DEVICE = "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001";

    @TempDir
    Path drop;

    private void configure(String pid, String... lines) throws IOException {
        Path written = Files.write(drop.resolve(pid + ".part"), List.of(lines));
        Files.move(written, drop.resolve(pid + ".cfg"), StandardCopyOption.REPLACE_EXISTING);
    }

    private static void awaitWarning(Platform platform, String line) throws Exception {
        Wait.until("it warns: " + line, () -> platform.errors().contains("mdev: " + line + "\n"));
    }

    private static String state(Platform platform) throws Exception {
        return platform.run("mdev:list; lb -s").ok();
    }

    @Test
    void invalidSettingLogsOneLineAndUsesTheDefault() throws Exception {
        try (Platform platform = Platform.start(
                "--set", "mdev.core.removalTimeout=abc",
                "--set", "vfio.mdev.requestTimeout=3600001",
                "--set", "vfio.user.spins=-1",
                "--set", "vfio.user.spin=5",
                "--set", "vfio.user.leaveTimeout=1500",
                "--set", "vfio.usr.spins=5",
                "--set", "vendor.gpusim.gpu-one.name=gpu1",
                "--set", "vendor.gpusim.gpu-one.memory=64",
                "--load", "vendor.gpu-sim")) {
            awaitWarning(platform, "mdev.core: removalTimeout=abc is not an integer from 0 to 3600000; using 4000");
            awaitWarning(platform, "vfio.mdev: requestTimeout=3600001 is not an integer from 0 to 3600000; using 1000");
            awaitWarning(platform, "vfio.user: spins=-1 is not an integer from 0 to 1000000; using 100");
            awaitWarning(
                    platform,
                    "vfio.user: unknown key 'spin' (keys: spins, takeOverTimeout, leaveTimeout, answerTimeout, "
                            + "versionTimeout, maxConnections, maxFiles, maxFileSize, reservedDescriptors, group, "
                            + "socketMode)");
            awaitWarning(platform, "--set: no component has the PID 'vfio.usr': see docs/configuration.md");
            assertEquals(5, platform.errors().lines().count(), platform.errors());
            Wait.until(
                    "gpu1 is plugged in",
                    () -> platform.run("mdev:parents").ok().contains("gpu1"));
            assertEquals(
                    "67108864",
                    platform.run("sysfs:cat /sys/devices/virtual/gpu-sim/gpu1/gpu/memory_total")
                            .ok());
        }
    }

    /**
     * Each configuration is added, changed and deleted: no component may restart, because that would remove the
     * devices.
     */
    @Test
    void fileInTheDropFolderConfiguresARunningPlatform() throws Exception {
        try (Platform platform = Platform.start("--drop", drop.toString(), "--load", "vendor.mtty")) {
            platform.run("mdev:create mtty mtty-1 " + DEVICE).ok();
            String before = state(platform);
            changeAndDelete(platform, "mdev.core", "removalTimeout", "from 0 to 3600000; using 4000");
            changeAndDelete(platform, "vfio.mdev", "requestTimeout", "from 0 to 3600000; using 1000");
            changeAndDelete(platform, "vfio.user", "spins", "from 0 to 1000000; using 100");
            changeAndDelete(platform, "mdev.console", "maxClients", "from 1 to 10000; using 64");
            changeAndDelete(platform, "mdev.fuse.uevents", "maxReaders", "from 1 to 10000; using 256");
            // The watcher and ConfigAdmin keep the order: the last deletion has taken effect as well.
            configure("mdev.core", "removalTimeout=last");
            awaitWarning(platform, "mdev.core: removalTimeout=last is not an integer from 0 to 3600000; using 4000");
            assertEquals(before, state(platform));
        }
    }

    private void changeAndDelete(Platform platform, String pid, String key, String range) throws Exception {
        configure(pid, key + "=5");
        configure(pid, key + "=many");
        awaitWarning(platform, pid + ": " + key + "=many is not an integer " + range);
        Files.delete(drop.resolve(pid + ".cfg"));
    }
}
