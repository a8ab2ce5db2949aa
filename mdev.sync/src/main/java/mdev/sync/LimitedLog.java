package mdev.sync;

import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import java.util.function.LongSupplier;

/** At most one line in {@link #PAUSE}; each says how many were left out since the one before. Any thread. */
public final class LimitedLog {
    static final Duration PAUSE = Duration.ofSeconds(10);

    private final LongSupplier nanoTime;
    private final AtomicLong leftOut = new AtomicLong();
    /** When the next line may be written; who moves it on writes. */
    private final AtomicLong next;

    public LimitedLog() {
        this(System::nanoTime);
    }

    LimitedLog(LongSupplier nanoTime) {
        this.nanoTime = nanoTime;
        this.next = new AtomicLong(nanoTime.getAsLong());
    }

    /** @param line writes it, and at its end what it is passed: empty, or how many lines were left out */
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
