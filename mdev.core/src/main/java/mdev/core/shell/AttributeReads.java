package mdev.core.shell;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import mdev.api.errno.ErrnoException;
import mdev.api.sysfs.SysfsFile;
import mdev.sync.BoundedCalls;
import mdev.sync.Deadline;
import org.jspecify.annotations.Nullable;

/**
 * Reads attributes for listings. A hung vendor delays a listing only until its deadline and occupies one thread: the
 * attribute is not read again while the read hangs. Thread-safe.
 */
final class AttributeReads {
    /** Shown for an attribute that was not read in time. */
    static final String HANGS = "?";

    /** How long a listing waits for all its attributes. */
    private static final Duration LONGEST = Duration.ofSeconds(2);

    private final BoundedCalls calls;

    /** The reads that have not ended. */
    private final Map<SysfsFile, Read> running = new ConcurrentHashMap<>();

    AttributeReads(BoundedCalls calls) {
        this.calls = calls;
    }

    /** The deadline of one listing. */
    static Deadline deadline() {
        return Deadline.in(LONGEST);
    }

    /** A started read. */
    static final class Read {
        private final CountDownLatch done = new CountDownLatch(1);
        private volatile String text = HANGS;

        /** The text without the white space at its end, the errno's name, or {@link #HANGS}. */
        String await(Deadline deadline) throws InterruptedException {
            deadline.await(done);
            return text;
        }
    }

    /** Begins to read a file, unless an earlier read of it hangs. */
    Read begin(SysfsFile file) {
        Read begun = new Read();
        Read earlier = running.putIfAbsent(file, begun);
        if (earlier != null) {
            return earlier;
        }
        BoundedCalls.@Nullable Call call = calls.tryStart("read of " + file.path(), () -> {
            try {
                begun.text = text(file);
            } finally {
                running.remove(file);
                begun.done.countDown();
            }
        });
        if (call == null) {
            running.remove(file);
            begun.done.countDown();
        }
        return begun;
    }

    private static String text(SysfsFile file) {
        try {
            return new String(file.read(), StandardCharsets.UTF_8).stripTrailing();
        } catch (ErrnoException e) {
            return e.errno().toString();
        }
    }
}
