package itests.fuse;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import itests.Mdev;
import java.io.IOException;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;

/** Debian's stock mdevctl manages the platform in {@code ./mdev with-sys}. */
final class MdevctlIT {
    private static final String UUID = "83b8f4f2-509f-382f-3c1e-e6bfe0fa1001";
    private static final Pattern ANY_UUID = Pattern.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\n");

    /** The namespace ends with its shell, and with it the definitions in the tmpfs. */
    private static final String NAMESPACE = """
            set -e
            root=$1
            mount --rbind /sys "$root/sys"
            mount -t tmpfs mdev-test "$root/etc/mdevctl.d"
            mkdir -p "$root"/etc/mdevctl.d/scripts.d/{callouts,notifiers}
            set +e
            mdevctl() { chroot "$root" /usr/sbin/mdevctl "$@" 2>&1 | sed '/^$/,$d'; }
            [ -x "$root/usr/sbin/mdevctl" ] || mdevctl() { chroot "$root" /usr/bin/mdevctl "$@" 2>&1 | sed '/^$/,$d'; }
            eval "$2"
            """;

    private final List<String> root = mdevctl();

    /**
     * The directory with Debian's unpacked package; if it cannot be unpacked, the test is skipped, or fails if the
     * environment sets {@code MDEV_REQUIRE_FUSE}.
     */
    private static List<String> mdevctl() {
        try {
            Process script = new ProcessBuilder(
                            Mdev.here().home().resolve("cnf/vm/mdevctl.sh").toString())
                    .redirectError(ProcessBuilder.Redirect.INHERIT)
                    .start();
            List<String> lines = script.inputReader().lines().toList();
            if (MountedPlatform.end(script) == 0) {
                return lines;
            }
        } catch (IOException | InterruptedException e) {
            throw new AssertionError(e);
        }
        if (!System.getenv().getOrDefault("MDEV_REQUIRE_FUSE", "").isEmpty()) {
            throw new AssertionError("mdevctl must run here");
        }
        System.out.println("skipped: no mdevctl");
        return Assumptions.abort("no mdevctl");
    }

    private String run(MountedPlatform mounted, String script) throws IOException, InterruptedException {
        return Mdev.here()
                .run(WithSysIT.withSys(mounted, "bash", "-c", NAMESPACE, "bash", root.getFirst(), script))
                .ok();
    }

    @Test
    void listsAndStartsAndStops() throws Exception {
        try (MountedPlatform mounted = MountedPlatform.start("--load", "vendor.mtty")) {
            assertEquals("""
                    mtty
                      mtty-1
                        Available instances: 24
                        Device API: vfio-pci
                        Name: Single port serial
                      mtty-2
                        Available instances: 12
                        Device API: vfio-pci
                        Name: Dual port serial
                    """, run(mounted, "mdevctl types"));
            assertEquals("""
                    [{"mtty":[{"mtty-1":{"available_instances":24,"device_api":"vfio-pci","name":"Singleportserial"}},\
                    {"mtty-2":{"available_instances":12,"device_api":"vfio-pci","name":"Dualportserial"}}]}]""", run(mounted, "mdevctl types --dumpjson").replaceAll("\\s", ""));

            assertEquals("", run(mounted, "mdevctl start -u " + UUID + " -p mtty -t mtty-2"));
            assertTrue(mounted.platform().run("mdev:list").ok().contains(UUID));
            assertEquals(UUID + " mtty mtty-2 manual\n", run(mounted, "mdevctl list"));
            assertEquals(
                    "[{\"mtty\":[{\"" + UUID + "\":{\"mdev_type\":\"mtty-2\",\"start\":\"manual\",\"attrs\":[]}}]}]",
                    run(mounted, "mdevctl list --dumpjson").replaceAll("\\s", ""));
            assertEquals("", run(mounted, "mdevctl stop -u " + UUID + "; mdevctl list"));
            assertEquals("", mounted.sh("ls bus/mdev/devices"));
        }
    }

    @Test
    void startsDefinedDevices() throws Exception {
        try (MountedPlatform mounted = MountedPlatform.start("--load", "vendor.mtty")) {
            assertEquals(
                    UUID + " mtty mtty-1 manual\n" + UUID + " mtty mtty-1 auto\n" + UUID
                            + " mtty mtty-1 auto (defined)\n",
                    run(
                            mounted,
                            "mdevctl define -u UUID -p mtty -t mtty-1; mdevctl list -d; mdevctl modify -u UUID --auto; mdevctl list -d; mdevctl start -u UUID; mdevctl list; mdevctl stop -u UUID; mdevctl list"
                                    .replace("UUID", UUID)));
        }
    }

    @Test
    void choosesUuidsUntilNoInstanceIsLeft() throws Exception {
        try (MountedPlatform mounted = MountedPlatform.start("--load", "vendor.mtty")) {
            String out = run(mounted, "for i in {1..13}; do mdevctl start -p mtty -t mtty-2; done");

            assertEquals(
                    "Error: No available instances of mtty-2 on mtty\n",
                    ANY_UUID.matcher(out).replaceAll(""));
            assertEquals(12, ANY_UUID.matcher(out).results().count());
            assertEquals("12\n", mounted.sh("ls bus/mdev/devices | wc -l"));
        }
    }
}
