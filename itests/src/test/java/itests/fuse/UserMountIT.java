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
            command -v fusermount3 > /dev/null || skip "no fusermount3"
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
