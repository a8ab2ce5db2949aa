package mdev.sync;

import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import java.util.function.LongSupplier;

/**
 * Writes at most one line per {@link #PAUSE}, with the number of lines left out since the previous one. Thread-safe.
 */
public final class LimitedLog {
    static final Duration PAUSE = Duration.ofSeconds(10);

    private final LongSupplier nanoTime;
    private final AtomicLong leftOut = new AtomicLong();
    /** When the next line may be written; the thread that advances it writes the line. */
    private final AtomicLong next;

    public LimitedLog() {
        this(System::nanoTime);
    }

    LimitedLog(LongSupplier nanoTime) {
        this.nanoTime = nanoTime;
        this.next = new AtomicLong(nanoTime.getAsLong());
    }

    /** @param line writes the line, ending with its argument: empty, or the number of lines left out */
    public void log(Consumer<String> line) {
        long due = next.get();
        long now = nanoTime.getAsLong();
        if (now - due < 0 || !next.compareAndSet(due, now + PAUSE.toNanos())) {
            leftOut.incrementAndGet();
            return;
        }
        long missed = leftOut.getAndSet(0);
        line.accept(missed == 0 ? "" : " (and " + missed + " more since the last report)");
    }
}
