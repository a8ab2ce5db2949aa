package mdev.fuse;

import static java.nio.charset.StandardCharsets.UTF_8;
import static mdev.fuse.MountedTree.ONE;
import static mdev.fuse.MountedTree.TYPE;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.lang.ref.WeakReference;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The threads that receive requests also make the calls of the vendor. */
@RequiresFuse
final class ReadersTest extends MountedTreeTestSupport {
    private static final String SLOW = "bus/mdev/devices/" + ONE + "/vendor/slow";

    private final CountDownLatch leave = new CountDownLatch(1);

    @BeforeEach
    void create() {
        assertEquals("", tree.sh("echo " + ONE + " > " + TYPE + "/create"));
    }

    @AfterEach
    void leave() {
        leave.countDown();
    }

    private static boolean sleeps(StackTraceElement[] stack) {
        return Arrays.stream(stack)
                .anyMatch(frame -> frame.getClassName().endsWith(".Readers")
                        && frame.getMethodName().equals("sleep"));
    }

    /** The reader that stands by sleeps if there has been no call for some time. */
    @Test
    void hungCallAfterAPauseBlocksOnlyItsCaller() throws Exception {
        assertEquals("shown\n", tree.sh("cat " + SLOW));
        MountedTree.await(
                "the reader that stands by sleeps",
                () -> Thread.getAllStackTraces().values().stream().anyMatch(ReadersTest::sleeps));
        CountDownLatch entered = new CountDownLatch(1);
        tree.vendor.inShow = _ -> hang(entered);
        Process hangs = tree.start("cat " + SLOW);
        entered.await();
        assertEquals("23\n", tree.sh("cat " + TYPE + "/available_instances"));
        leave.countDown();
        assertEquals("", MountedTree.ended(hangs));
    }

    private void hang(CountDownLatch entered) {
        entered.countDown();
        try {
            leave.await();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    private static long readers() {
        return Thread.getAllStackTraces().keySet().stream()
                .filter(thread -> thread.getName().matches("mdev-fuse-\\d+"))
                .count();
    }

    /** More than have a place to wait for requests. */
    @Test
    void manyHungCallsBlockOnlyTheirCallers() throws Exception {
        int calls = 4 * Runtime.getRuntime().availableProcessors() + 4;
        CountDownLatch entered = new CountDownLatch(calls);
        tree.vendor.inShow = _ -> hang(entered);
        List<Process> hanging = new ArrayList<>();
        for (int i = 0; i < calls; i++) {
            hanging.add(tree.start("cat " + SLOW));
        }
        entered.await();
        assertEquals("23\n", tree.sh("cat " + TYPE + "/available_instances; ls -R . > /dev/null"));
        leave.countDown();
        for (Process process : hanging) {
            assertEquals(
                    "shown\n", new String(process.getInputStream().readAllBytes(), UTF_8) + MountedTree.ended(process));
        }
        int seats = Runtime.getRuntime().availableProcessors() + 1;
        MountedTree.await("the readers without a seat have exited", () -> readers() <= seats);
    }

    /** The values belong to classes of the vendor's bundle. */
    @Test
    @SuppressWarnings("ThreadLocalUsage") // as a driver that is loaded again and again has it
    void noThreadLocalOfACallStays() {
        ThreadLocal<Object> local = new ThreadLocal<>();
        AtomicReference<WeakReference<Object>> value = new AtomicReference<>();
        tree.vendor.inShow = _ -> {
            Object made = new Object();
            local.set(made);
            value.set(new WeakReference<>(made));
        };
        assertEquals("shown\n", tree.sh("cat " + SLOW));
        MountedTree.await("the thread has exited", () -> {
            System.gc();
            return Objects.requireNonNull(value.get()).get() == null;
        });
        assertEquals("shown\n", tree.sh("cat " + SLOW));
    }

    /** Readers exit and start, and lose their seats, while processes read, write and list. */
    @Test
    void callsOfManyProcessesAreEachAnswered() throws Exception {
        String script = """
                for i in {1..200}; do
                    [ "$(<SLOW)" = shown ] || echo wrong
                    echo $i > VALUE
                    [ -n "$(<VALUE)" ] || echo empty
                done
                """.replace("SLOW", SLOW).replace("VALUE", SLOW.replace("slow", "value"));
        List<Process> processes = new ArrayList<>();
        for (int i = 0; i < 6; i++) {
            processes.add(tree.start(script));
        }
        for (Process process : processes) {
            assertEquals("", new String(process.getInputStream().readAllBytes(), UTF_8) + MountedTree.ended(process));
        }
        assertEquals(6 * 200, tree.vendor.stores());
    }
}
