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
 * Makes the kernel drop cached entries that were removed, before the removal returns. Invalidates only names, never
 * inodes ({@code FUSE_NOTIFY_DELETE}): the process that writes {@code remove} holds the lock of that inode until the
 * write is answered. Runs on a separate thread, because a notification waits for the lock of the directory; a lookup
 * that holds it waits for the reader that leads.
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

    /**
     * The number of notifications accepted by the kernel; measures progress, because a large batch may take longer than
     * the grace period.
     */
    private volatile long notified;

    /**
     * Set while the kernel is late in accepting a notification: removals do not wait until it has caught up. Changed
     * under the monitor, together with a check of the queue.
     */
    private volatile boolean behind;

    /** The entries removed by one change. */
    private record Batch(List<Entry> entries, CountDownLatch taken) {
        private Batch(List<Entry> entries) {
            this(entries, new CountDownLatch(1));
        }
    }

    /**
     * @param grace how long to wait for one notification: a process may hold the directory lock for reasons of its own
     */
    Invalidator(Channel channel, Duration grace) {
        this.channel = channel;
        this.grace = grace;
        thread = Threads.start("mdev-fuse-notify", this::notifyKernel);
    }

    /** Whether the kernel may still find entries that it was told to drop. */
    boolean isBehind() {
        return behind;
    }

    /**
     * Makes the kernel drop the entries in this order, and waits for it. Returns early if the kernel accepts no
     * notification within the grace period; it then drops them later.
     */
    void drop(List<Entry> entries) {
        if (entries.isEmpty()) {
            return;
        }
        Batch batch = new Batch(entries);
        batches.add(batch);
        // After the end, no thread processes the batch; the end releases batches queued before it.
        if (!behind && ended.getCount() > 0 && !await(batch.taken())) {
            fallBehind(batch);
        }
    }

    /**
     * Waits as long as there is progress within each grace period; false otherwise. Uninterruptible: the removal is
     * answered as usual.
     */
    private boolean await(CountDownLatch latch) {
        long before;
        do {
            before = notified;
            if (Deadline.in(grace).awaitUninterruptibly(latch)) {
                return true;
            }
        } while (notified != before);
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
                "the kernel does not forget {} removed entries: a process holds a directory locked",
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
        log.info("the kernel has forgotten all removed entries");
    }

    private void notifyKernel() {
        try {
            for (Batch batch = batches.take(); !batch.equals(end); batch = batches.take()) {
                batch.entries().forEach(this::invalidate);
                batch.taken().countDown();
                catchUp();
            }
        } catch (InterruptedException e) {
            log.debug("interrupted while notifying", e);
        } finally {
            ended.countDown();
            batches.forEach(batch -> batch.taken().countDown());
        }
    }

    /**
     * {@code struct fuse_notify_inval_entry_out { uint64_t parent; uint32_t namelen; uint32_t flags; }} and the
     * zero-terminated name.
     */
    @SuppressWarnings("NonAtomicVolatileUpdate") // this thread alone counts
    private void invalidate(Entry entry) {
        byte[] name = entry.name().getBytes(StandardCharsets.UTF_8);
        try (Arena arena = Arena.ofConfined()) {
            Reply message = new Reply(arena, Long.BYTES + 2L * Integer.BYTES + name.length + 1);
            message.u64(entry.directory()).u32(name.length).u32(0).bytes(name).zeros(1);
            channel.send(message.notification(FUSE_NOTIFY_INVAL_ENTRY));
        } catch (LinuxException e) {
            log.trace("the kernel has already forgotten {}: {}", entry, e.getMessage());
        }
        notified++;
    }

    /** Accepts no more batches; queued ones are still sent. Does not wait. Idempotent. */
    void end() {
        batches.add(end);
    }

    /** Called while requests are still being answered, because a notification in progress may wait for one. */
    @Override
    public void close() {
        end();
        if (!await(ended)) {
            log.warn(
                    "a notification to the kernel did not return in time: a process holds a directory locked",
                    BoundedCalls.stackOf(thread));
        }
    }
}
