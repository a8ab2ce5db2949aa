package itests.host;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A platform that runs out of what the host gives to it. */
final class ShortageIT {
    /** Once before the first device, and once after everything has been loaded. */
    @Test
    void createWithoutDescriptorsLeavesNothing(@TempDir Path directory) throws Exception {
        String once = """
                Too many open files
                devices: , sockets: , groups: , instances: 24
                devices: UUID, sockets: UUID.sock, groups: 0, instances: 23
                attached, errno 0
                devices: , sockets: , groups: , instances: 24
                """;
        assertEquals(once + once, HostScript.run(directory, """
                serve --load vendor.mtty
                grep -q " $run/sys " /proc/mounts || skip "the tree cannot be mounted"
                type=$run/sys/class/mdev_bus/mtty/mdev_supported_types/mtty-1
                state() {
                    local devices=$(ls "$run/sys/bus/mdev/devices") sockets=$(ls "$run/vfio-user" 2> /dev/null)
                    local groups=$(ls "$run/sys/kernel/iommu_groups") free=$(cat "$type/available_instances")
                    sed "s/$uuid/UUID/g" <<< "devices: $devices, sockets: $sockets, groups: $groups, instances: $free"
                }
                limit=$(prlimit --pid $platform --nofile --output SOFT --noheadings)
                for i in 1 2; do
                    # Those that are in use stay open, and no number is free below the limit.
                    prlimit --pid $platform --nofile=3:
                    { echo $uuid > "$type/create"; } 2>&1 | sed 's/.*: //'
                    state
                    prlimit --pid $platform --nofile=${limit// /}:
                    echo $uuid > "$type/create"
                    state
                    attach env "$run/vfio-user/$uuid.sock"
                    echo 1 > "$run/sys/bus/mdev/devices/$uuid/remove"
                    state
                done
                end > /dev/null
                """));
    }

    @Test
    void crashLeavesItsReportInTheRunDirectory(@TempDir Path directory) throws Exception {
        assertEquals("""
                hs_err_pid
                """, HostScript.run(directory, """
                ulimit -c 0
                serve --no-mount
                kill -SEGV $platform
                wait $platform 2> /dev/null
                ls "$run" | grep -o hs_err_pid
                ! ls "$dir" | grep -o hs_err_pid
                """));
    }
}
