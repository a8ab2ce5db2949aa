package itests.host;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The accesses that a platform of root permits and denies to another user of the host. */
final class NeighbourIT {
    @Test
    void membersOfTheGroupAttachDevices(@TempDir Path directory) throws Exception {
        assertEquals("""
                711 60001 run
                710 60001 vfio-user
                660 60001 socket
                member: attached, errno 0
                other: Permission denied
                member on the control socket: Permission denied
                """, HostScript.run(directory, """
                serve --no-mount --load vendor.mtty --group 60001
                "$mdev" --run "$run" -c "mdev:create mtty mtty-1 $uuid" > /dev/null
                chmod o+x "$run"
                stat -c '%a %g run' "$run"
                stat -c '%a %g vfio-user' "$run/vfio-user"
                stat -c '%a %g socket' "$run/vfio-user/$uuid.sock"
                echo "member: $(attach member "$run/vfio-user/$uuid.sock")"
                echo "other: $(attach other "$run/vfio-user/$uuid.sock")"
                echo "member on the control socket: $(attach member "$run/control.sock")"
                end > /dev/null
                """));
    }

    @Test
    void floodOfOneUserDelaysNoOther(@TempDir Path directory) throws Exception {
        assertEquals("""
                flooding
                attached 200 of 200 times
                ended with 0
                """, HostScript.run(directory, """
                serve --no-mount --load vendor.mtty --group 60001
                chmod o+x "$run"
                "$mdev" --run "$run" -c "mdev:create mtty mtty-1 $uuid" > /dev/null
                mkfifo "$dir/flood" "$dir/end"
                attach member "$run/vfio-user/$uuid.sock" flood < "$dir/end" > "$dir/flood" &
                exec {end}> "$dir/end" {flooding}< "$dir/flood"
                head -n 1 <&$flooding
                attach env "$run/vfio-user/$uuid.sock" 200
                echo >&$end
                end
                """));
    }

    @Test
    void runningPlatformChangesTheModeOfItsSockets(@TempDir Path directory) throws Exception {
        assertEquals("""
                600 0
                mdev: --socket-mode '999' is not a mode such as 0660
                mdev: --group 'no such': there is no such group, or you are not a member of it
                666 60001
                666 60001
                600 60001
                """, HostScript.run(directory, """
                mkdir "$dir/drop"
                serve --no-mount --load vendor.mtty --drop "$dir/drop"
                socket=$run/vfio-user/$uuid.sock
                create() { "$mdev" --run "$run" -c "mdev:create mtty mtty-1 ${1-$uuid}" > /dev/null; }
                create
                stat -c '%a %g' "$socket"
                "$mdev" --run "$dir/new" --socket-mode 999 serve
                "$mdev" --run "$dir/new" --group 'no such' serve
                printf 'group=60001\\nsocketMode=666\\n' > "$dir/drop/vfio.user.cfg"
                until [ "$(stat -c %a "$socket")" = 666 ]; do sleep 0.1; done
                stat -c '%a %g' "$socket"
                create 83b8f4f2-509f-382f-3c1e-e6bfe0fa1002
                stat -c '%a %g' "${socket/1001/1002}"
                printf 'group=60001\\n' > "$dir/drop/vfio.user.cfg"
                until [ "$(stat -c %a "$socket")" = 600 ]; do sleep 0.1; done
                stat -c '%a %g' "$socket"
                end > /dev/null
                """));
    }

    /** All users can search the path of the tree: the modes of its files decide. */
    @Test
    void modesGrantOtherUsersAccessToTheTree(@TempDir Path directory) throws Exception {
        assertEquals("""
                711 run
                24
                Permission denied
                Permission denied
                bus class devices kernel module
                lock: Permission denied
                mdev.lock: Permission denied
                mdev.log: Permission denied
                tmp/felix-cache: Permission denied
                vfio-user: Permission denied
                the lock is held by nobody else
                """, HostScript.run(directory, """
                test -c /dev/fuse || skip "no /dev/fuse"
                serve --load vendor.mtty
                grep -q " $run/sys " /proc/mounts || skip "the tree cannot be mounted"
                stat -c '%a run' "$run"
                type=$run/sys/class/mdev_bus/mtty/mdev_supported_types/mtty-1
                "$mdev" --run "$run" -c "mdev:create mtty mtty-2" > /dev/null && "$mdev" --run "$run" -c \
                "mdev:remove $(ls "$run/sys/bus/mdev/devices")" > /dev/null
                other cat "$type/available_instances"
                other bash -c "echo $uuid > $type/create" 2>&1 | sed 's/.*: //'
                other cat "$type/create" 2>&1 | sed 's/.*: //'
                other ls "$run/sys" | xargs
                for file in lock mdev.lock mdev.log; do echo "$file: $(other cat "$run/$file" 2>&1 | sed 's/.*: \
                //')"; done
                for file in tmp/felix-cache vfio-user; do echo "$file: $(other ls "$run/$file" 2>&1 | sed 's/.*: \
                //')"; done
                other flock --shared --nonblock "$run/lock" true 2> /dev/null || echo "the lock is held by nobody else"
                end > /dev/null
                """));
    }

    @Test
    void launcherRejectsARunDirectoryThatAnotherUserControls(@TempDir Path directory) throws Exception {
        assertEquals("""
                mdev: DIR/public/link belongs to another user: choose another --run DIR
                mdev: DIR/public/link belongs to another user: choose another --run DIR
                mdev: DIR/public/theirs belongs to another user: choose another --run DIR
                mdev: others may write to DIR/public: chmod go-w it, or choose another --run DIR
                mdev: others may write to DIR/open: chmod go-w it, or choose another --run DIR
                mdev: DIR/public/link belongs to another user: choose another --run DIR
                mdev: too many symbolic links in 'DIR/loop': choose another --run DIR
                mdev: DIR/mine/tmp was not made by a platform: choose another --run DIR, or remove it
                precious
                """, HostScript.run(directory, """
                mkdir "$dir/mine" "$dir/mine/tmp" && touch "$dir/mine/tmp/precious"
                mkdir -m 1777 "$dir/public" && mkdir -m 0777 "$dir/open" && mkdir "$dir/open/run"
                other ln -s "$dir/mine" "$dir/public/link" && other mkdir "$dir/public/theirs"
                ln -s public/link/below "$dir/through" && ln -s loop "$dir/loop"
                for run in public/link public/link/sub public/theirs/run public open/run through loop mine; do
                    "$mdev" --run "$dir/$run" --no-mount serve
                done
                ls "$dir/mine/tmp"
                """));
    }

    /** The platform deletes exactly the directories that it created. */
    @Test
    void colonInTheRunDirectorySeparatesNothing(@TempDir Path directory) throws Exception {
        assertEquals("""
                precious
                """, HostScript.run(directory, """
                mkdir "$dir/a" && touch "$dir/a/precious"
                run=$dir/a:b
                serve --no-mount
                end > /dev/null
                ls "$dir/a"
                """));
    }

    @Test
    void platformLoadsNoCodeThatAnotherUserCanWrite(@TempDir Path directory) throws Exception {
        assertEquals("""
                mdev: others may write to DIR/open: chmod go-w it, or choose another --drop DIR
                mdev: others may write to DIR/public: chmod go-w it, or choose another --drop DIR
                mdev: DIR/theirs belongs to another user: choose another --drop DIR
                theirs.jar: it is not loaded: DIR/drop/theirs.jar belongs to user 65534; chown it, then touch the jar
                shared.jar: it is not loaded: DIR/drop/shared.jar can be written by others; chmod go-w it, then \
                touch the jar
                gpu_sim
                """, HostScript.run(directory, """
                mkdir "$dir/drop" && mkdir -m 0777 "$dir/open" && mkdir -m 1777 "$dir/public" && mkdir "$dir/theirs" \
                && chown 65534 "$dir/theirs"
                for drop in open public theirs; do "$mdev" --run "$dir/no" --drop "$dir/$drop" --no-mount serve; done
                serve --no-mount --drop "$dir/drop"
                modules=${mdev%/mdev}/cnf/target/modules
                told() { until grep -o "$1: it is not loaded.*" "$run/mdev.log"; do sleep 0.1; done; }
                lsmod() { "$mdev" --run "$run" -c 'mdev:lsmod' | awk '$3 ~ /^vendor/ { print $1 }'; }
                cp "$modules/vendor.mtty.jar" "$dir/theirs.jar" && chown 65534 "$dir/theirs.jar" && mv \
                "$dir/theirs.jar" "$dir/drop/"
                told theirs.jar
                cp "$modules/vendor.mtty.jar" "$dir/shared.jar" && chmod 666 "$dir/shared.jar" && mv \
                "$dir/shared.jar" "$dir/drop/"
                told shared.jar
                cp "$modules/vendor.gpu-sim.jar" "$dir/drop/"
                until [ -n "$(lsmod)" ]; do sleep 0.1; done
                lsmod
                end > /dev/null
                """));
    }
}
