package mdev.sync;

import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BiConsumer;
import java.util.function.LongSupplier;
import org.slf4j.Logger;

/**
 * Logs what foreign code threw, at most one line in {@link #PAUSE}: a guest that makes its vendor fail on purpose
 * cannot fill the disk. A line says how many were left out since the one before.
 */
public final class FaultLog {
    static final Duration PAUSE = Duration.ofSeconds(10);

    private final BiConsumer<String, Throwable> log;
    private final String who;
    private final LongSupplier nanoTime;
    private final AtomicLong leftOut = new AtomicLong();
    /** When the next line may be written; who moves it on writes. */
    private final AtomicLong next;

    /** @param who names the foreign code: its bundle and what it serves */
    public FaultLog(Logger log, String who) {
        this(log::error, who, System::nanoTime);
    }

    FaultLog(BiConsumer<String, Throwable> log, String who, LongSupplier nanoTime) {
        this.log = log;
        this.who = who;
        this.nanoTime = nanoTime;
        this.next = new AtomicLong(nanoTime.getAsLong());
    }

    /** @param call what the foreign code was called for */
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
