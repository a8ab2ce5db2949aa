package mdev.fuse;

import static mdev.fuse.MountedTree.ONE;
import static mdev.fuse.MountedTree.TYPE;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A caller gets signals while its store runs: as in sysfs, the store completes unless the caller is ending. */
@RequiresFuse
final class SignalTest extends MountedTreeTestSupport {
    private static final String DEVICE = "bus/mdev/devices/" + ONE;

    private final CountDownLatch entered = new CountDownLatch(1);
    private final CountDownLatch leave = new CountDownLatch(1);

    @AfterEach
    void leave() {
        leave.countDown();
    }

    /** Starts a create, and waits until it is inside the vendor. */
    private Process begin(String traps) throws Exception {
        tree.vendor.inCreate = _ -> {
            entered.countDown();
            try {
                leave.await();
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
        };
        Process caller = tree.start("exec 3> " + TYPE + "/create; " + traps + "; echo " + ONE + " >&3");
        entered.await();
        return caller;
    }

    /** Sends the signal, and waits until the kernel has reported it to the file system, or the caller has ended. */
    private void send(String signal, Process caller) {
        assertEquals("", tree.sh("kill -" + signal + " " + caller.pid()));
        MountedTree.await("the caller waits on", () -> !caller.isAlive() || isUninterruptible(caller));
    }

    private static boolean isUninterruptible(Process caller) {
        try {
            return Files.readString(Path.of("/proc/" + caller.pid() + "/status"))
                    .contains("State:\tD");
        } catch (IOException e) {
            return !caller.isAlive();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"ALRM", "CHLD", "WINCH", "USR1", "CONT"})
    void handledSignalDoesNotEndAStore(String signal) throws Exception {
        Process caller = begin("trap : " + signal);

        send(signal, caller);
        leave.countDown();
        assertEquals("", MountedTree.ended(caller));
        assertEquals(ONE + "\n", tree.sh("ls bus/mdev/devices"));
        assertEquals(0, tree.vendor.removed());
    }

    /** The kernel reports only the first signal. */
    @ParameterizedTest
    @CsvSource({"KILL,137", "INT,3", "TERM,3", "HUP,3", "QUIT,3", "USR2,140", "SEGV,139"})
    void fatalSignalEndsTheWaitEvenAfterAHandledOne(String signal, String status) throws Exception {
        Process caller = begin("trap : WINCH; trap 'exit 3' INT TERM HUP QUIT");

        send("WINCH", caller);
        tree.sh("kill -" + signal + " " + caller.pid());
        assertEquals("[" + status + "]", MountedTree.ended(caller), "the caller comes back before the vendor does");
        leave.countDown();
        MountedTree.await("the device is undone", () -> tree.vendor.removed() == 1);
        assertEquals("", tree.sh("ls bus/mdev/devices"));
    }

    @Test
    void blockedOrIgnoredSignalDoesNotEndAStore() throws Exception {
        Process caller = begin("trap '' TERM INT; trap : WINCH");

        send("WINCH", caller);
        tree.sh("kill -TERM " + caller.pid() + "; kill -INT " + caller.pid());
        leave.countDown();
        assertEquals("", MountedTree.ended(caller));
        assertEquals(ONE + "\n", tree.sh("ls bus/mdev/devices"));
    }

    @Test
    void handledSignalDoesNotEndAShow() throws Exception {
        assertEquals("", tree.sh("echo " + ONE + " > " + TYPE + "/create"));
        tree.vendor.inShow = _ -> {
            entered.countDown();
            try {
                leave.await();
            } catch (InterruptedException e) {
                throw new AssertionError(e);
            }
        };
        Process caller = tree.start("trap : WINCH; read -r line < " + DEVICE + "/vendor/slow; echo $line");
        entered.await();

        send("WINCH", caller);
        leave.countDown();
        assertEquals("shown\n", caller.inputReader().readLine() + "\n");
        assertEquals("", MountedTree.ended(caller));
    }

    /** If EINTR were returned, a caller that retries would store the same value repeatedly. */
    @Test
    void eachStoreOfACallerWithATimerIsMadeOnce() {
        tree.assumePython();
        assertEquals("", tree.sh("echo " + ONE + " > " + TYPE + "/create"));

        assertEquals("done\n", python("timer " + DEVICE + "/vendor/value 2000"));
        assertEquals(2000, tree.vendor.stores());
    }

    /** If EINTR were returned, a caller that retries would get EEXIST and ENODEV for its own changes. */
    @Test
    void callerInAStormOfSignalsCreatesAndRemoves() {
        tree.assumePython();

        assertEquals("done\n", python("storm " + TYPE + "/create " + DEVICE + " " + ONE + " 200"));
        assertEquals(200, tree.vendor.removed());
    }

    private String python(String arguments) {
        try (var script = SignalTest.class.getResourceAsStream("signals.py")) {
            Path file = Files.createTempFile("signals", ".py");
            try {
                Files.write(file, Objects.requireNonNull(script).readAllBytes());
                return tree.sh("python3 " + file + " " + arguments);
            } finally {
                Files.delete(file);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
