package itests.fuse;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import itests.vm.Platform;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import mdev.core.golden.Deviations;
import mdev.core.golden.GoldenLine;
import mdev.core.golden.NamedDeviations;
import mdev.core.golden.TranscriptReplay;
import mdev.core.golden.TreeComparison;
import org.junit.jupiter.api.Test;

/** Replays the real kernel's replies with real system calls of another process on the mounted tree. */
final class FuseIT {
    private static final String ONE = "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001";
    private static final String TWO = "83b8f4f2-509f-382f-3c1e-e6bfe0fa1002";
    private static final String THREE = "83b8f4f2-509f-382f-3c1e-e6bfe0fa1003";

    private static final String REMOVE_ALL = "for d in bus/mdev/devices/*; do [ ! -e $d ] || echo 1 > $d/remove; done";

    @Test
    void createAndRemove() throws Exception {
        Deviations deviations = NamedDeviations.createAndRemove();
        try (MountedPlatform mounted = MountedPlatform.start();
                CallerSysfs sysfs = new CallerSysfs(mounted.directory())) {
            List<String> differences = new TranscriptReplay(
                            sysfs, module -> insmod(mounted.platform(), module), deviations)
                    .before(171, () -> assertEquals("", script(mounted, REMOVE_ALL)))
                    .replay(GoldenLine.read("create-remove.jsonl"));

            assertEquals("", String.join("\n", differences));
            assertEquals(List.of(), deviations.unmet());
        }
    }

    /** The other modules are loaded from the beginning. */
    private static void insmod(Platform platform, String module) throws IOException, InterruptedException {
        if (module.equals("mtty")) {
            platform.run("mdev:modprobe vendor.mtty").ok();
        }
    }

    private static String script(MountedPlatform mounted, String script) {
        try {
            return mounted.sh(script);
        } catch (IOException | InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    @Test
    void trees() throws Exception {
        Deviations deviations = NamedDeviations.treesWithVfio()
                .add(
                        "the tree goes with the core",
                        "the tree depends on the core: without the core nothing is mounted and the directory is empty",
                        line -> line.file().startsWith("tree-13-")
                                && !line.text("type").equals("absent"),
                        "absent ENOENT");
        String types = "class/mdev_bus/mtty/mdev_supported_types/";
        String driver = "bus/mdev/drivers/vfio_mdev/";
        record Step(String snapshot, String script, String command) {
            Step(String snapshot, String script) {
                this(snapshot, script, "");
            }
        }
        List<Step> steps = List.of(
                new Step("01-mdev-loaded", "", "felix:stop vfio.mdev"),
                new Step("02-vfio_mdev-loaded", "", "felix:start vfio.mdev"),
                new Step("03-mtty-loaded-before-create", "", "mdev:modprobe vendor.mtty"),
                new Step("04-after-create-mtty-1", "echo -n " + ONE + " > " + types + "mtty-1/create"),
                new Step("05-after-create-mtty-1-and-mtty-2", "echo -n " + TWO + " > " + types + "mtty-2/create"),
                new Step("06-after-unbind-mtty-1", "echo -n " + ONE + " > " + driver + "unbind"),
                new Step("07-after-rebind-mtty-1", "echo " + ONE + " > " + driver + "bind"),
                new Step("08-after-remove-mtty-1", "echo 1 > bus/mdev/devices/" + ONE + "/remove"),
                new Step("09-after-remove-both", "echo 1 > bus/mdev/devices/" + TWO + "/remove"),
                new Step(
                        "10-vfio_mdev-unloaded-device-exists",
                        "echo -n " + THREE + " > " + types + "mtty-1/create",
                        "felix:stop vfio.mdev"),
                new Step("11-vfio_mdev-reloaded", "", "felix:start vfio.mdev"),
                new Step("12-mtty-unloaded", "", "mdev:rmmod vendor.mtty"),
                new Step("13-mdev-unloaded", "", "felix:stop mdev.core"));
        try (MountedPlatform mounted = MountedPlatform.start();
                CallerSysfs sysfs = new CallerSysfs(mounted.directory())) {
            List<String> differences = new ArrayList<>();
            for (Step step : steps) {
                assertEquals("", mounted.sh(step.script()));
                if (!step.command().isEmpty()) {
                    mounted.platform().run(step.command()).ok();
                }
                List<GoldenLine> snapshot = GoldenLine.read("tree-" + step.snapshot() + ".jsonl");
                TreeComparison.differences(sysfs, snapshot, deviations)
                        .forEach(difference -> differences.add(step.snapshot() + ": " + difference));
            }
            assertFalse(mounted.isMounted());
            assertEquals("", String.join("\n", differences));
            assertEquals(List.of(), deviations.unmet());
        }
    }

    @Test
    void mountExistsAsLongAsThePlatform() throws Exception {
        try (MountedPlatform mounted = MountedPlatform.start("--load", "vendor.mtty")) {
            assertEquals("mtty\n", mounted.sh("ls class/mdev_bus"));
            assertEquals(
                    "gone\n",
                    mounted.sh("sleep 60 & cd /; kill $!; wait $! 2> /dev/null || echo gone"),
                    "no process is left in it");
            assertEquals(List.of(), mounted.platform().stop());
            assertFalse(mounted.isMounted());
            assertEquals("", mounted.warnings());
        }
    }

    @Test
    void unloadedModuleLeavesNothing() throws Exception {
        try (MountedPlatform mounted = MountedPlatform.start("--load", "vendor.mtty")) {
            assertTrue(mounted.sh("find -L class/mdev_bus/mtty/mdev_supported_types; cat class/mdev_bus/mtty/*/*/name")
                    .contains("Dual port serial"));
            // In its own process group: its children end with the shell, and no process is left in the tree.
            Process looks = mounted.start(
                    "exec setsid bash -c 'stat -L class/mdev_bus/mtty > /dev/null && echo looks; while :; do stat -L class/mdev_bus/mtty; done > /dev/null 2>&1'");
            assertEquals("looks", looks.inputReader().readLine());
            mounted.platform().run("mdev:rmmod vendor.mtty").ok();
            assertEquals(
                    "ls: cannot access 'class/mdev_bus/mtty': No such file or directory\n[2]",
                    mounted.sh("ls class/mdev_bus/mtty"));
            assertEquals("", mounted.sh("ls class/mdev_bus"));
            assertEquals("", mounted.sh("cd /; kill -KILL -" + looks.pid()));
            looks.onExit().join();
        }
    }
}
