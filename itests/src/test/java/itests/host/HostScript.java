package itests.host;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;

import itests.Mdev;
import itests.Patience;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Assumptions;

/**
 * A bash script that runs as root, has a second user and starts platforms. Without a second user, the test is skipped
 * with the reason.
 */
final class HostScript {
    private static final String PRELUDE = """
            dir=$1 mdev=$2 classes=$3 run=$1/run uuid=83b8f4f2-509f-382f-3c1e-e6bfe0fa1001
            skip() { echo "skipped: $*"; exit; }
            command -v setpriv > /dev/null || skip "no setpriv"
            other() { setpriv --reuid 65534 --regid 65534 --clear-groups -- "$@"; }
            member() { setpriv --reuid 65534 --regid 65534 --groups 60001 -- "$@"; } # of the group 60001
            chmod 711 "$dir"
            other test -r "$classes" -a -x "$JAVA_HOME/bin/java" -a -x "$dir" || skip "another user cannot read \
            $classes or $JAVA_HOME"
            attach() { "$1" "$JAVA_HOME/bin/java" -XX:TieredStopAtLevel=1 -cp "$classes" itests.host.Attach "${@:2}"; }
            serve() {
                : > "$dir/out"
                "$mdev" --run "$run" "$@" serve > "$dir/out" 2> "$dir/err" &
                platform=$!
                trap 'kill -KILL $platform 2> /dev/null || :' EXIT
                until grep -q ready "$dir/out" || ! kill -0 $platform; do sleep 0.1; done
                cat "$dir/err"
            }
            end() { kill -TERM $platform; wait $platform; echo "ended with $?"; }
            """;

    private HostScript() {}

    /** Runs a script; returns its output, with the directory as DIR. */
    static String run(Path directory, String script) throws IOException, InterruptedException {
        String out = Integer.valueOf(0).equals(Files.getAttribute(Path.of("/proc/self"), "unix:uid"))
                ? bash(directory, script)
                : "skipped: changing the user requires root\n";
        if (out.startsWith("skipped: ")) {
            System.out.print(out);
            Assumptions.abort(out);
        }
        return out.replace(directory.toString(), "DIR");
    }

    private static String bash(Path directory, String script) throws IOException, InterruptedException {
        ProcessBuilder builder = new ProcessBuilder(
                        "bash",
                        "-c",
                        PRELUDE + script,
                        "bash",
                        directory.toString(),
                        Mdev.here().home().resolve("mdev").toString(),
                        Path.of("target", "test-classes").toAbsolutePath().toString())
                .directory(directory.toFile())
                .redirectErrorStream(true);
        builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
        builder.environment().put("MDEV_BUILT", "yes");
        builder.environment().put("LC_ALL", "C");
        Process process = builder.start();
        process.getOutputStream().close();
        String out = new String(process.getInputStream().readAllBytes(), UTF_8);
        if (!process.waitFor(Patience.TIME)) {
            process.destroyForcibly();
            throw new AssertionError("does not end: " + out);
        }
        assertEquals(0, process.exitValue(), out);
        return out;
    }
}
