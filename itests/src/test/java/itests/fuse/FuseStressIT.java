package itests.fuse;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** Processes that create, read and remove the same few devices at random. */
final class FuseStressIT {
    private static final int PROCESSES = 8;

    /**
     * The results that the golden rules permit under concurrency. A device that is being created has no {@code remove}
     * yet, so the shell's {@code >} tries to create the file: sysfs rejects that with EACCES.
     */
    private static final Pattern ALLOWED = Pattern.compile("create (done|File exists|No space left on device)"
            + "|remove (done|No such file or directory|No such device|Permission denied)"
            + "|read (done|No such file or directory|No such device)|list done");

    private static final String SCRIPT = """
            types=class/mdev_bus/mtty/mdev_supported_types
            outcome() { [ "$1" -eq 0 ] && echo done || echo "${2##*: }"; }
            end=$((SECONDS + $1))
            while ((SECONDS < end)); do
                uuid=$(printf '83b8f4f2-509f-382f-3c1e-e6bfe0fa%04d' $((RANDOM % 16)))
                device=bus/mdev/devices/$uuid
                case $((RANDOM % 4)) in
                    0) out=$( { echo $uuid > $types/mtty-$((RANDOM % 2 + 1))/create; } 2>&1); echo create "$(outcome $? "$out")" ;;
                    1) out=$( { echo 1 > $device/remove; } 2>&1); echo remove "$(outcome $? "$out")" ;;
                    2) out=$(cat $device/vendor/sample_mdev_dev 2>&1 > /dev/null); echo read "$(outcome $? "$out")" ;;
                    3) out=$(ls bus/mdev/devices 2>&1 > /dev/null && cat $types/*/available_instances 2>&1 > /dev/null); echo list "$(outcome $? "$out")" ;;
                esac
            done
            """;

    /** Longer in CI. */
    private static final String SECONDS = System.getenv().getOrDefault("MDEV_STRESS_SECONDS", "10");

    @Test
    void noForbiddenErrorAndNoLeftover() throws Exception {
        try (MountedPlatform mounted = MountedPlatform.start("--load", "vendor.mtty")) {
            List<Process> processes = new ArrayList<>();
            for (int i = 0; i < PROCESSES; i++) {
                processes.add(mounted.start("RANDOM=" + i + "; set -- " + SECONDS + "\n" + SCRIPT));
            }
            List<String> forbidden = new ArrayList<>();
            for (Process process : processes) {
                new String(process.getInputStream().readAllBytes(), UTF_8)
                        .lines()
                        .filter(line -> !ALLOWED.matcher(line).matches())
                        .forEach(forbidden::add);
                assertEquals(0, MountedPlatform.end(process));
            }
            assertEquals(List.of(), forbidden);

            assertEquals(
                    "24\n",
                    mounted.sh(
                                            "for d in bus/mdev/devices/*; do [ ! -e $d ] || echo 1 > $d/remove; done; ls bus/mdev/devices kernel/iommu_groups | grep -v :; cat class/mdev_bus/mtty/*/mtty-1/available_instances")
                                    .strip()
                            + "\n");
            assertEquals("", mounted.warnings());
        }
    }
}
