package mdev.fuse;

import static java.nio.charset.StandardCharsets.UTF_8;
import static mdev.fuse.MountedTree.ONE;
import static mdev.fuse.MountedTree.TWO;
import static mdev.fuse.MountedTree.TYPE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The limits of the resources that users of a mount can make this process hold. */
@RequiresFuse
final class CeilingTest extends MountedTreeTestSupport {
    private static final String SLOW = "bus/mdev/devices/" + ONE + "/vendor/slow";

    /** Opens PATH until that fails, prints the error, and keeps the files open until the input ends. */
    private static final String OPEN = """
            i=3
            while eval "exec $i< PATH" 2> /dev/null; do i=$((i + 1)); done
            echo "$((i - 3)) open: $({ eval "exec $i< PATH"; } 2>&1 | sed 's/.*: //')"
            read
            """;

    private final CountDownLatch leave = new CountDownLatch(1);

    @AfterEach
    void leave() {
        leave.countDown();
    }

    private static String open(String path) {
        return OPEN.replace("PATH", path);
    }

    private static String asOther(String script) throws IOException {
        assumeTrue(Integer.valueOf(0).equals(Files.getAttribute(Path.of("/proc/self"), "unix:uid")), "requires root");
        return "exec setpriv --reuid 65534 --regid 65534 --clear-groups bash -c '" + script.replace("'", "'\\''") + "'";
    }

    private static String line(Process process) throws IOException {
        return new BufferedReader(new InputStreamReader(process.getInputStream(), UTF_8)).readLine();
    }

    @ParameterizedTest
    @ValueSource(strings = {TYPE, TYPE + "/name"})
    void openFilesHaveACeiling(String path) throws Exception {
        tree.fuse.configure(Map.of("maxOpenFiles", 2));
        Process process = tree.start(open(path));
        assertEquals("2 open: Too many open files in system", line(process));
        process.getOutputStream().close();
        MountedTree.ended(process);
        // The kernel reports the close without waiting for it.
        MountedTree.await(
                "there is room", () -> tree.sh("cat " + TYPE + "/name").equals("Single port serial\n"));
    }

    @Test
    void otherUsersLeaveFilesToTheOwner() throws Exception {
        tree.fuse.configure(Map.of("maxOpenFiles", 4));
        Process other = tree.start(asOther(open(TYPE + "/name")));
        assertEquals("2 open: Too many open files in system", line(other));
        Process owner = tree.start(open(TYPE + "/name"));
        assertEquals("2 open: Too many open files in system", line(owner));
        for (Process process : new Process[] {other, owner}) {
            process.getOutputStream().close();
            MountedTree.ended(process);
        }
    }

    @Test
    void otherUsersLeaveCallsToTheOwner() throws Exception {
        assertEquals("", tree.sh("echo " + ONE + " > " + TYPE + "/create"));
        CountDownLatch inside = new CountDownLatch(2);
        tree.vendor.inShow = _ -> {
            inside.countDown();
            try {
                leave.await();
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
        };
        tree.fuse.configure(Map.of("maxCalls", 4));
        Process other = tree.start(asOther("cat " + SLOW + " & cat " + SLOW + " & wait"));
        inside.await();
        assertEquals("cat: " + SLOW + ": Resource temporarily unavailable\n[1]", tree.sh(asOther("cat " + SLOW)));
        assertEquals("", tree.sh("echo " + TWO + " > " + TYPE + "/create"));
        leave.countDown();
        assertEquals("", MountedTree.ended(other));
        assertEquals("shown\n", tree.sh(asOther("cat " + SLOW)));
    }
}
