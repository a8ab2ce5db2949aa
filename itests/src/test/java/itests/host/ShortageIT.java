package itests.host;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.file.Path;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A platform that runs out of resources of the host. */
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

    /** Without any room; without room for a jar, for the bundle cache, and for most of the log. */
    @Test
    void startOnAFullDiskLeavesNothing(@TempDir Path directory) throws Exception {
        String refused = """
                mdev: DIR/disk/run has less than 16 MiB of room: make room, or choose another --run DIR
                status 1, left: nothing
                """;
        assertEquals(refused.repeat(10) + """
                mdev: DIR/disk/old has less than 16 MiB of room: make room, or choose another --run DIR
                status 1, left: DIR/disk/old DIR/disk/old/mdev.log
                ready
                ended with 0
                """, HostScript.run(directory, """
                unshare --mount true 2> /dev/null || skip "no mount namespaces"
                export -f serve end
                export dir mdev MDEV_BUILT
                unshare --mount bash -euc '
                disk=$dir/disk run=$disk/run
                mkdir $disk
                mount -t tmpfs -o size=40m tmpfs $disk || { echo "skipped: no tmpfs can be mounted"; exit; }
                left() { find "$disk" -mindepth 1 ! -path "$disk/fill" | sort | xargs; }
                try() {
                    local status=0
                    "$mdev" "$@" < /dev/null 2>&1 || status=$?
                    echo "status $status, left: $(left | grep . || echo nothing)"
                }
                for room in 0 4 64 1024 8192; do
                    fallocate -l $(((40 << 20) - (room << 10))) $disk/fill
                    try --run $run --set mdev.core.removalTimeout=5 serve
                    try --run $run --no-mount --group 60001 serve
                    rm $disk/fill
                done
                mkdir $disk/old
                : > $disk/old/mdev.log
                fallocate -l 39m $disk/fill
                try --run $disk/old serve
                rm $disk/fill
                serve --no-mount
                grep -o "ready" "$dir/out"
                end
                '
                """));
    }

    /** A command has a separate directory in TMPDIR. */
    @Test
    void privateCommandOnAFullDiskLeavesNothing(@TempDir Path directory) throws Exception {
        assertEquals("""
                1 line, status 1
                nothing
                """, HostScript.run(directory, """
                unshare --mount true 2> /dev/null || skip "no mount namespaces"
                mkdir "$dir/disk"
                export dir mdev MDEV_BUILT TMPDIR=$dir/disk
                unshare --mount bash -euc '
                mount -t tmpfs -o size=8m tmpfs "$dir/disk" || { echo "skipped: no tmpfs can be mounted"; exit; }
                status=0
                "$mdev" --private -c version < /dev/null > "$dir/out" 2>&1 || status=$?
                echo "$(wc -l < "$dir/out") line, status $status"
                ls -A "$dir/disk" | grep . || echo nothing
                '
                """));
    }

    @Test
    void startWithoutDescriptorsLeavesNothing(@TempDir Path directory) throws Exception {
        String refused = """
                mdev: at most %d files can be open here, a platform needs 256: raise the limit (ulimit -H -n)
                status 1, left: nothing
                """;
        assertEquals(
                Stream.of(12, 64, 255).map(refused::formatted).collect(Collectors.joining()) + """
                ready
                ended with 0
                """,
                HostScript.run(directory, """
                for most in 12 64 255; do
                    status=0
                    (ulimit -n $most && "$mdev" --run "$run" serve) < /dev/null 2>&1 || status=$?
                    echo "status $status, left: $(ls "$run" 2> /dev/null || echo nothing)"
                done
                ulimit -n 256
                serve --no-mount --load vendor.mtty
                grep -o ready "$dir/out"
                "$mdev" --run "$run" -c "mdev:create mtty mtty-1 $uuid" > /dev/null
                test -S "$run/vfio-user/$uuid.sock"
                end
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
