package mdev.fuse.session;

import java.lang.foreign.Arena;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import mdev.fuse.session.DentryCache.Entry;
import mdev.fuse.thread.Threads;
import mdev.fuse.wire.Reply;
import mdev.linux.LinuxException;
import mdev.sync.BoundedCalls;
import mdev.sync.Deadline;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Makes the kernel drop what it remembers of entries that are gone, before whoever removed them goes on. Only names,
 * never inodes ({@code FUSE_NOTIFY_DELETE}): the process that writes {@code remove} holds the lock of that inode until
 * it is answered. On a thread of its own, because a notification waits for the lock of the directory; a lookup that
 * holds it waits for the receiving thread, and that one waits for nobody.
 */
final class Invalidator implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(Invalidator.class);

    private static final int FUSE_NOTIFY_INVAL_ENTRY = 3;

    private final Channel channel;
    private final Duration grace;
    private final Batch end = new Batch(List.of());
    private final BlockingQueue<Batch> batches = new LinkedBlockingQueue<>();
    private final Thread thread;
    private final CountDownLatch ended = new CountDownLatch(1);

    /** How many the kernel has taken: of a large batch there may be more than it takes in the time. */
    private volatile long told;

    /**
     * The kernel has not taken a notification in time, and has not caught up since: nobody waits until it has. Changed
     * under the monitor, with a look at what is left.
     */
    private volatile boolean behind;

    /** What went in one change. */
    private record Batch(List<Entry> entries, CountDownLatch taken) {
        private Batch(List<Entry> entries) {
            this(entries, new CountDownLatch(1));
        }
    }

    /**
     * @param grace how long the kernel may take for one notification before nobody waits for it: some process may hold
     *     a directory locked for reasons of its own
     */
    Invalidator(Channel channel, Duration grace) {
        this.channel = channel;
        this.grace = grace;
        thread = Threads.start("mdev-fuse-notify", this::notifyKernel);
    }

    /** Whether what the kernel is told to drop may still be found. */
    boolean isBehind() {
        return behind;
    }

    /**
     * Comes back when the kernel has dropped them, in this order; or when it has taken none for too long, and it will
     * later.
     */
    void drop(List<Entry> entries) {
        if (entries.isEmpty()) {
            return;
        }
        Batch batch = new Batch(entries);
        batches.add(batch);
        // After the end nobody takes it; what comes before the end is let go by it.
        if (!behind && ended.getCount() > 0 && !await(batch.taken())) {
            fallBehind(batch);
        }
    }

    /**
     * Whether it came, before there was no progress for a grace period. Not interruptible: the removal is answered as
     * usual.
     */
    private boolean await(CountDownLatch latch) {
        long before;
        do {
            before = told;
            if (Deadline.in(grace).awaitUninterruptibly(latch)) {
                return true;
            }
        } while (told != before);
        return false;
    }

    private void fallBehind(Batch batch) {
        synchronized (this) {
            if (behind || batch.taken().getCount() == 0) {
                return;
            }
            behind = true;
        }
        log.warn(
                "the kernel does not forget {} removed entries: some process holds a directory locked",
                batch.entries().size(),
                BoundedCalls.stackOf(thread));
    }

    private void catchUp() {
        synchronized (this) {
            if (!behind || !batches.isEmpty()) {
                return;
            }
            behind = false;
        }
        log.info("the kernel has forgotten what was removed");
    }

    private void notifyKernel() {
        try {
            for (Batch batch = batches.take(); !batch.equals(end); batch = batches.take()) {
                batch.entries().forEach(this::invalidate);
                batch.taken().countDown();
                catchUp();
            }
        } catch (InterruptedException e) {
            log.debug("notifying was interrupted", e);
        } finally {
            ended.countDown();
            batches.forEach(batch -> batch.taken().countDown());
        }
    }

    /**
     * {@code struct fuse_notify_inval_entry_out { uint64_t parent; uint32_t namelen; uint32_t flags; }} and the name
     * with its 0.
     */
    @SuppressWarnings("NonAtomicVolatileUpdate") // this thread alone counts
    private void invalidate(Entry entry) {
        byte[] name = entry.name().getBytes(StandardCharsets.UTF_8);
        try (Arena arena = Arena.ofConfined()) {
            Reply message = new Reply(arena, Long.BYTES + 2L * Integer.BYTES + name.length + 1);
            message.u64(entry.directory())
                    .u32(name.length)
                    .u32(0)
                    .bytes(name, 0, name.length)
                    .zeros(1);
            channel.send(message.notification(FUSE_NOTIFY_INVAL_ENTRY));
        } catch (LinuxException e) {
            log.trace("the kernel has forgotten {} already: {}", entry, e.getMessage());
        }
        told++;
    }

    /** Sends what has come so far, and no more. Nobody is waited for. Idempotent. */
    void end() {
        batches.add(end);
    }

    /** Ends, while requests are still answered: what is being sent may wait for one. */
    @Override
    public void close() {
        end();
        if (!await(ended)) {
            log.warn(
                    "a notification of the kernel does not return: some process holds a directory locked",
                    BoundedCalls.stackOf(thread));
        }
    }
}
