package mdev.sync;

import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BiConsumer;
import java.util.function.LongSupplier;
import org.slf4j.Logger;

/**
 * Logs exceptions of foreign code, at most one line per {@link #PAUSE}, so that a guest that provokes vendor failures
 * cannot fill the disk. Each line states how many faults were suppressed since the previous line.
 */
public final class FaultLog {
    static final Duration PAUSE = Duration.ofSeconds(10);

    private final BiConsumer<String, Throwable> log;
    private final String who;
    private final LongSupplier nanoTime;
    private final AtomicLong leftOut = new AtomicLong();
    /** The time from which the next line may be written; the thread that advances it writes the line. */
    private final AtomicLong next;

    /** @param who the foreign code for log lines: its bundle and the object that it serves */
    public FaultLog(Logger log, String who) {
        this(log::error, who, System::nanoTime);
    }

    FaultLog(BiConsumer<String, Throwable> log, String who, LongSupplier nanoTime) {
        this.log = log;
        this.who = who;
        this.nanoTime = nanoTime;
        this.next = new AtomicLong(nanoTime.getAsLong());
    }

    /** @param call the call that failed */
    public void report(String call, Throwable fault) {
        long due = next.get();
        long now = nanoTime.getAsLong();
        if (now - due < 0 || !next.compareAndSet(due, now + PAUSE.toNanos())) {
            leftOut.incrementAndGet();
            return;
        }
        long missed = leftOut.getAndSet(0);
        String more = missed == 0 ? "" : " (and " + missed + " more since the last report)";
        log.accept("%s failed in %s%s".formatted(who, call, more), fault);
    }
}
