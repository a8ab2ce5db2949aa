package itests.fuse;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;

import itests.Mdev;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A platform of a non-root user: {@code fusermount3} mounts and unmounts its tree. */
final class UserMountIT {
    /** In a mount namespace, with a {@code /dev/fuse} accessible to all users, as in distributions. */
    private static final String SCRIPT = """
            dir=$1 mdev=$2
            user=(setpriv --reuid 65534 --regid 65534 --clear-groups env HOME="$dir")
            skip() { echo "skipped: $*"; exit; }
            if ! command -v fusermount3 > /dev/null; then
                # Only in this mount namespace.
                root=$("${mdev%/*}/cnf/vm/fuse.sh" 2> "$dir/err") || skip "no fusermount3: $(tail -n 1 "$dir/err")"
                mount -t tmpfs mdev-test /usr/local/bin &&
                    install -m 4755 "$root"/{,usr/}bin/fusermount3 /usr/local/bin 2> /dev/null
                command -v fusermount3 > /dev/null || skip "no fusermount3 in $root"
            fi
            command -v setpriv > /dev/null || skip "no setpriv"
            chmod 711 "$dir" && mkdir "$dir/user" && chown 65534:65534 "$dir/user"
            "${user[@]}" test -r "$mdev" -a -x "$JAVA_HOME/bin/java" -a -x "$dir" || skip "another user can read neither $mdev nor $JAVA_HOME"
            mknod "$dir/fuse" c 10 229 && chmod 666 "$dir/fuse" && mount --bind "$dir/fuse" /dev/fuse || skip "no device node"

            run=$dir/user/run
            serve() {
                : > "$dir/out"
                "${user[@]}" "$mdev" --run "$run" --load vendor.mtty serve > "$dir/out" 2> "$dir/err" &
                platform=$!
                until grep -q ready "$dir/out" || ! kill -0 $platform; do sleep 0.1; done
                cat "$dir/err"
            }
            is_mounted() { grep -q " $run/sys fuse.mdev .*user_id=65534" /proc/mounts && echo mounted || echo not mounted; }
            serve
            is_mounted
            uuid=83b8f4f2-509f-382f-3c1e-e6bfe0fa1001
            "${user[@]}" bash -c "cd $run/sys && echo $uuid > class/mdev_bus/mtty/mdev_supported_types/mtty-1/create && ls bus/mdev/devices && echo 1 > bus/mdev/devices/$uuid/remove && ls bus/mdev/devices"
            LC_ALL=C ls "$run/sys" 2>&1 | sed 's/.*: //'
            "${user[@]}" "$mdev" --run "$run" with-sys bash -c '
                id -u
                cd /sys/class/mdev_bus/mtty/mdev_supported_types/mtty-1
                cat name
                echo '$uuid' > create && ls /sys/bus/mdev/devices && echo 1 > /sys/bus/mdev/devices/'$uuid'/remove
                ls -d /sys/devices/system/cpu
                exit 5' 2>&1
            echo "with-sys: $?"
            mkdir "$dir/mdevctl" && root=$("${mdev%/*}/cnf/vm/mdevctl.sh" 2> "$dir/err") &&
                mount --bind "$root" "$dir/mdevctl" || cat "$dir/err"
            "${user[@]}" "$mdev" --run "$run" with-sys bash -c '
                cd "$1" && mount --rbind /sys sys && mount -t tmpfs mdev-test etc/mdevctl.d &&
                    mkdir -p etc/mdevctl.d/scripts.d/{callouts,notifiers}
                mdevctl=$(echo usr/*bin/mdevctl)
                chroot . $mdevctl start -u '$uuid' -p mtty -t mtty-2
                chroot . $mdevctl list
                chroot . $mdevctl stop -u '$uuid'
                chroot . $mdevctl list' bash "$dir/mdevctl" 2>&1
            LC_ALL=C "$mdev" --run "$run" with-sys true 2>&1 | sed "s:$run:RUN:"
            kill -KILL $platform
            wait $platform 2> /dev/null
            is_mounted
            serve
            "${user[@]}" cat "$run/sys/class/mdev_bus/mtty/mdev_supported_types/mtty-2/available_instances"
            kill -TERM $platform
            wait $platform
            echo "ended with $?"
            cat "$dir/err"
            is_mounted
            """;

    @Test
    void mountsAndUnmounts(@TempDir Path directory) throws Exception {
        boolean root = Integer.valueOf(0).equals(Files.getAttribute(Path.of("/proc/self"), "unix:uid"));
        String out = root ? run(directory) : "skipped: changing the user requires root\n";
        if (out.startsWith("skipped: ")) {
            System.out.print(out);
            Assumptions.abort(out);
        }
        assertEquals("""
                mounted
                83b8f4f2-509f-382f-3c1e-e6bfe0fa1001
                Permission denied
                0
                Single port serial
                83b8f4f2-509f-382f-3c1e-e6bfe0fa1001
                /sys/devices/system/cpu
                with-sys: 5
                83b8f4f2-509f-382f-3c1e-e6bfe0fa1001 mtty mtty-2 manual
                mdev: RUN belongs to another user: choose another with --run DIR
                mounted
                12
                ended with 0
                not mounted
                """, out);
    }

    private static String run(Path directory) throws IOException, InterruptedException {
        ProcessBuilder builder = new ProcessBuilder(
                        "unshare",
                        "--mount",
                        "bash",
                        "-c",
                        SCRIPT,
                        "bash",
                        directory.toString(),
                        Mdev.here().home().resolve("mdev").toString())
                .redirectErrorStream(true);
        builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
        builder.environment().put("MDEV_BUILT", "yes");
        Process process = builder.start();
        process.getOutputStream().close();
        String out = new String(process.getInputStream().readAllBytes(), UTF_8);
        assertEquals(0, MountedPlatform.end(process), out);
        return out;
    }
}
