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

/** GPUs plugged in and unplugged through configuration files in the drop folder of a running platform. */
final class GpuConfigurationIT {
    private static final String VGPU = "83b8f4f2-509f-382f-3c1e-e6bfe0fa2001";
    private static final String GPU = "/sys/devices/virtual/gpu-sim/";

    @TempDir
    Path drop;

    private Platform platform;

    @BeforeEach
    void start() throws IOException {
        platform = Platform.start("--drop", drop.toString(), "--load", "vendor.gpu-sim");
    }

    @AfterEach
    void stop() throws IOException {
        platform.close();
    }

    private void configure(String file, String... lines) throws IOException {
        Path written = Files.write(drop.resolve(file + ".part"), List.of(lines));
        Files.move(written, drop.resolve("vendor.gpusim.gpu-" + file + ".cfg"));
    }

    private String read(String path) throws Exception {
        return platform.run("sysfs:cat " + path).ok();
    }

    private boolean plugged(String name) {
        try {
            return platform.run("sysfs:ls " + GPU).ok().contains(name);
        } catch (IOException | InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void configurationPlugsAGpuInAndUnplugsIt() throws Exception {
        assertEquals("268435456", read(GPU + "gpu0/gpu/memory_total"));
        configure("one", "name=gpu1", "memory=64");
        Wait.until("gpu1 is plugged in", () -> plugged("gpu1"));
        assertEquals("67108864", read(GPU + "gpu1/gpu/memory_total"));
        assertEquals("2", read(GPU + "gpu1/mdev_supported_types/gpu-sim-32m/available_instances"));
        assertFalse(
                read(GPU + "gpu1/mdev_supported_types/gpu-sim-64m/description").isEmpty());
        platform.run("mdev:create gpu1 gpu-sim-32m " + VGPU).ok();

        Files.delete(drop.resolve("vendor.gpusim.gpu-one.cfg"));
        Wait.until("gpu1 is unplugged", () -> !plugged("gpu1"));
        assertFalse(platform.run("mdev:list").ok().contains(VGPU), "its vGPUs went with it");
        assertTrue(plugged("gpu0"));
    }

    @Test
    void plugsInTheCopyOfADeletedConfiguration() throws Exception {
        configure("one", "name=gpu1", "memory=64");
        Wait.until("gpu1 is plugged in", () -> plugged("gpu1"));
        configure("two", "name=gpu1", "memory=32");
        Wait.until("the name is taken", () -> platform.errors().contains("parent gpu1 already exists"));
        Files.delete(drop.resolve("vendor.gpusim.gpu-one.cfg"));
        Wait.until(
                "the copy is plugged in",
                () -> platform.run("sysfs:cat " + GPU + "gpu1/gpu/memory_total")
                        .output()
                        .startsWith("33554432"));
        Files.delete(drop.resolve("vendor.gpusim.gpu-two.cfg"));
        Wait.until("it is unplugged", () -> !plugged("gpu1"));
    }

    /** Each is rejected with a log line and has no other effect. */
    @Test
    void invalidConfigurationPlugsNoGpuIn() throws Exception {
        configure("small", "name=small", "memory=7");
        configure("words", "name=words", "memory=many");
        configure("twice", "name=gpu0");
        configure("nameless", "memory=64");
        configure("odd", "name=a/b");
        configure("right", "name=right");
        Wait.until("the last one is plugged in", () -> plugged("right"));
        for (String line : List.of(
                "no GPU 'small' of 7 MiB: memory must be 8 to 65536 MiB",
                "no GPU 'words': its memory is not a number of MiB from 8 to 65536",
                "no GPU 'gpu0': parent gpu0 already exists",
                "no GPU '': the name of a parent is empty",
                "no GPU 'a/b': the name of a parent is not a valid file name: a/b")) {
            Wait.until("it says: " + line, () -> platform.errors().contains("mdev: " + line + "\n"));
        }
        assertEquals("NAME\ngpu0\nright", platform.run("sysfs:ls " + GPU).ok());
    }
}
