package itests;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import itests.mishap.MishapActivator;
import itests.vm.Platform;
import itests.vm.Result;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Drivers that never return, or that end the process: the platform serves all other devices and ends in time. */
final class MishapIT {
    @TempDir
    Path temp;

    private Path drop;

    private Path build(String where) throws Exception {
        drop = Files.createDirectories(temp.resolve("drop"));
        Map<String, String> headers = where.startsWith("st") // start, stop
                ? Map.of("Bundle-Activator", MishapActivator.class.getName(), "-dsannotations", "!*")
                : Map.of();
        return PackedBundle.build("itests.mishap." + where, "itests.mishap", headers, temp);
    }

    private static void awaitStack(Platform platform) throws Exception {
        Wait.until(
                "the log has the stack",
                () -> Files.readString(platform.run().resolve("mdev.log")).contains("at itests.mishap.Mishap.at("));
    }

    private void assertServesOthers(Platform platform) throws Exception {
        Files.copy(PlatformTestSupport.module("vendor.mtty"), drop.resolve("mtty.jar"));
        Wait.until(
                "the dropped driver runs",
                () -> platform.run("mdev:parents").ok().contains("vendor.mtty"));
        platform.run("mdev:create mtty mtty-1").ok();
    }

    /** Asserts that the platform fails, and leaves neither its mount nor its sockets. */
    private static void assertEndsWithFailure(Platform platform) throws Exception {
        Path run = platform.run();
        assertEquals(List.of(), platform.stop());
        assertEquals(1, platform.exitStatus());
        assertFalse(Files.readString(Path.of("/proc/self/mountinfo")).contains(run.toString()), "it is unmounted");
    }

    @ParameterizedTest
    @ValueSource(strings = {"activate", "start"})
    void driverThatHangsOnLoadDelaysNothingElse(String where) throws Exception {
        Path hangs = build(where);
        try (Platform platform = Platform.start(
                "--mount", temp + "/sys", "--drop", drop.toString(), "--load", hangs + ",vendor.gpu-sim")) {
            String line = "the start of itests.mishap." + where + " has not returned after 10 s";
            assertTrue(platform.errors().contains(line), platform.errors());
            awaitStack(platform);
            assertTrue(Files.readString(platform.run().resolveSibling("out")).contains(" loaded=vendor.gpu-sim\n"));
            assertServesOthers(platform);
            Result listed = platform.run("mdev:lsmod");
            assertTrue(
                    listed.ok().contains("failed: the start of itests.mishap." + where + " does not return"),
                    listed.ok());
            assertEndsWithFailure(platform);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"deactivate", "stop"})
    void driverThatHangsOnUnloadDelaysNothingElse(String where) throws Exception {
        Path hangs = build(where);
        try (Platform platform = Platform.start("--mount", temp + "/sys", "--drop", drop.toString())) {
            Path dropped = Files.copy(hangs, drop.resolve("hangs.jar"));
            Wait.until("it runs", () -> platform.run("lb -s").ok().contains("itests.mishap"));
            Files.delete(dropped);
            Wait.until(
                    "the hang is seen",
                    () -> platform.errors().contains("the removal of itests.mishap." + where + " has not returned"));
            awaitStack(platform);
            assertServesOthers(platform);
            assertEndsWithFailure(platform);
        }
    }

    /** A file creates, changes or removes an instance of the component, as {@code where} states. */
    @ParameterizedTest
    @ValueSource(strings = {"configure", "modify", "unconfigure"})
    void driverThatHangsOnItsConfigurationDelaysNothingElse(String where) throws Exception {
        Path hangs = build(where);
        Path file = Files.createFile(drop.resolve("itests.mishap-one.cfg"));
        try (Platform platform = Platform.start(
                "--mount", temp + "/sys", "--drop", drop.toString(), "--load", hangs + ",vendor.gpu-sim")) {
            switch (where) {
                case "modify" -> Files.writeString(file, "key=1");
                case "unconfigure" -> Files.delete(file);
                default -> {}
            }
            String line = "the configuration itests.mishap~one of itests.mishap." + where;
            Wait.until("the hang is seen", () -> platform.errors().contains(line + " has not returned after 10 s"));
            awaitStack(platform);
            Result listed = platform.run("mdev:lsmod");
            assertTrue(listed.ok().contains("failed: " + line + " does not return"), listed.ok());
            Files.writeString(drop.resolve("vendor.gpusim.gpu-one.cfg"), "name=gpu1");
            Wait.until(
                    "a later file is applied",
                    () -> platform.run("mdev:parents").ok().contains("gpu1"));
            assertServesOthers(platform);
            assertEndsWithFailure(platform);
        }
    }

    @Test
    void namesADriverThatHangsAtTheEnd() throws Exception {
        Path hangs = build("deactivate");
        try (Platform platform =
                Platform.start("--mount", temp + "/sys", "--drop", drop.toString(), "--load", hangs.toString())) {
            assertServesOthers(platform);
            assertEndsWithFailure(platform);
            assertTrue(platform.errors().contains("itests.mishap.deactivate does not stop"), platform.errors());
        }
    }

    /** The command and the log name the call and its thread; the log has the stack. */
    @Test
    void namesADriverThatHangsInARemoval() throws Exception {
        Path hangs = build("remove");
        String uuid = "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001";
        try (Platform platform = Platform.start(
                "--set", "mdev.core.removalTimeout=500", "--drop", drop.toString(), "--load", hangs.toString())) {
            platform.run("mdev:create mishap0 mishap-1 " + uuid).ok();
            String told = platform.run("mdev:remove " + uuid).ok();
            assertEquals(
                    "mdev: itests.mishap.remove: device " + uuid
                            + " is left behind: its removal has not returned within "
                            + "500 ms; inside: [remove on thread remove of " + uuid + "]",
                    told);
            awaitStack(platform);
            String listed = platform.run("mdev:list").ok();
            assertTrue(listed.contains("left behind"), listed);
            assertServesOthers(platform);
        }
    }

    @Test
    void exitCalledByADriverIsAFailure() throws Exception {
        Path exits = build("exit");
        try (Platform platform = Platform.start("--drop", drop.toString())) {
            Files.copy(exits, drop.resolve("exits.jar"));
            assertEquals(1, platform.exitStatus());
            String line = "the platform ends because code in it called System.exit";
            assertTrue(platform.errors().contains(line), platform.errors());
            awaitStack(platform);
        }
    }
}
