package mdev.fuse.session;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.Thread.State;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.stream.IntStream;
import mdev.fuse.session.DentryCache.Entry;
import mdev.linux.LinuxException;
import mdev.linux.UnixSocket;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * Waits for the kernel, and their limits. A socket stands for the kernel: a full socket blocks the writer as a locked
 * directory does.
 */
@Timeout(value = 120, threadMode = Timeout.ThreadMode.SEPARATE_THREAD) // the wait is uninterruptible
final class InvalidatorTest {
    private static final Duration EVER = Duration.ofHours(1);
    private static final Duration MOMENT = Duration.ofMillis(10);

    /** More than fits into a socket that is not read. */
    private static final int MANY = 20_000;

    /** {@code struct fuse_out_header} and {@code struct fuse_notify_inval_entry_out}; then the zero-terminated name. */
    private static final int HEAD = 16 + 16;

    private static final int NAME = "entry-00000".length();
    private static final int MESSAGE = HEAD + NAME + 1;

    private UnixSocket.Pair pair;
    private Channel channel;

    @BeforeEach
    void open() throws LinuxException {
        pair = UnixSocket.pair(0);
        channel = new Channel(pair.first().fd().dup());
    }

    @AfterEach
    void close() {
        pair.close(); // unblocks pending writers
        channel.close();
    }

    private static List<Entry> entries(int from, int to) {
        return IntStream.range(from, to)
                .mapToObj(i -> new Entry(Node.ROOT, String.format(Locale.ROOT, "entry-%05d", i)))
                .toList();
    }

    private static List<String> names(int from, int to) {
        return entries(from, to).stream().map(Entry::name).toList();
    }

    /** The names of the next notifications. */
    private List<String> take(int count) throws LinuxException {
        try (Arena arena = Arena.ofConfined()) {
            long length = (long) count * MESSAGE;
            MemorySegment messages = arena.allocate(length);
            for (long done = 0; done < length; ) {
                done += pair.second().receive(messages, done, length - done, 0);
            }
            List<String> names = new ArrayList<>();
            for (long at = HEAD; at < length; at += MESSAGE) {
                names.add(new String(messages.asSlice(at, NAME).toArray(ValueLayout.JAVA_BYTE), UTF_8));
            }
            return names;
        }
    }

    private boolean isEmpty() throws LinuxException {
        try (Arena arena = Arena.ofConfined()) {
            return pair.second().tryReceive(arena.allocate(1), 0, 1) == 0;
        }
    }

    private static void await(BooleanSupplier condition) {
        while (!condition.getAsBoolean()) { // until the test's time-out
            LockSupport.parkNanos(1_000_000);
        }
    }

    /** Until the thread waits for the kernel, or has unexpectedly returned. */
    private static boolean waits(Thread thread) {
        await(() -> thread.getState() == State.TIMED_WAITING || thread.getState() == State.TERMINATED);
        return thread.isAlive();
    }

    @Test
    void dropReturnsAfterItsNotifications() throws Exception {
        try (Invalidator invalidator = new Invalidator(channel, EVER)) {
            Thread drops = Thread.ofPlatform().start(() -> invalidator.drop(entries(0, MANY)));
            assertTrue(waits(drops));
            assertEquals(names(0, MANY), take(MANY));
            drops.join();

            invalidator.drop(entries(0, 3));
            assertEquals(names(0, 3), take(3));
            assertTrue(isEmpty());
            assertFalse(invalidator.isBehind());
        }
    }

    @Test
    void interruptDoesNotEndTheWait() throws Exception {
        try (Invalidator invalidator = new Invalidator(channel, EVER)) {
            AtomicBoolean interrupted = new AtomicBoolean();
            Thread drops = Thread.ofPlatform().start(() -> {
                Thread.currentThread().interrupt();
                invalidator.drop(entries(0, MANY));
                interrupted.set(Thread.interrupted());
            });
            assertTrue(waits(drops), "the kernel has not taken them all");
            assertEquals(names(0, MANY), take(MANY));
            drops.join();
            assertTrue(interrupted.get(), "its caller has to know");
        }
    }

    @Test
    void removalsDoNotWaitWhileTheKernelIsBehind() throws Exception {
        try (Invalidator invalidator = new Invalidator(channel, MOMENT)) {
            assertFalse(invalidator.isBehind());
            invalidator.drop(entries(0, MANY));
            assertTrue(invalidator.isBehind());
            invalidator.drop(entries(MANY, MANY + 5));
            assertTrue(invalidator.isBehind());

            assertEquals(names(0, MANY + 5), take(MANY + 5), "late, but all and in order");
            await(() -> !invalidator.isBehind());
            invalidator.drop(entries(0, 3));
            assertEquals(names(0, 3), take(3));
        }
    }

    @Test
    void endReleasesWaitingRemovals() throws Exception {
        Invalidator invalidator = new Invalidator(channel, EVER);
        Thread first = Thread.ofPlatform().start(() -> invalidator.drop(entries(0, MANY)));
        assertTrue(waits(first));
        Thread ends = Thread.ofPlatform().start(invalidator::close);
        assertTrue(waits(ends));
        Thread late = Thread.ofPlatform().start(() -> invalidator.drop(entries(MANY, MANY + 5)));
        assertTrue(waits(late));

        assertEquals(names(0, MANY), take(MANY), "what came before the end is sent");
        first.join();
        ends.join();
        late.join();
        invalidator.drop(entries(0, 3));
        assertTrue(isEmpty(), "what came after it is not");
        assertFalse(invalidator.isBehind());
    }

    @Test
    void endDoesNotWaitForALateKernel() throws Exception {
        Invalidator invalidator = new Invalidator(channel, MOMENT);
        invalidator.drop(entries(0, MANY));
        invalidator.close();
        assertTrue(invalidator.isBehind());

        assertEquals(names(0, MANY), take(MANY), "it is sent, late");
    }
}
