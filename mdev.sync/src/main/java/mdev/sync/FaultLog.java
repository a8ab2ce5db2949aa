package mdev.sync;

import java.util.function.BiConsumer;
import java.util.function.LongSupplier;
import org.slf4j.Logger;

/**
 * Logs exceptions of foreign code, limited by a {@link LimitedLog}: a guest that provokes vendor failures cannot
 * fill the disk. Any thread.
 */
public final class FaultLog {
    private final BiConsumer<String, Throwable> log;
    private final String who;
    private final LimitedLog limit;

    /** @param who the foreign code for log lines: its bundle and the object that it serves */
    public FaultLog(Logger log, String who) {
        this(log::error, who, System::nanoTime);
    }

    FaultLog(BiConsumer<String, Throwable> log, String who, LongSupplier nanoTime) {
        this.log = log;
        this.who = who;
        this.limit = new LimitedLog(nanoTime);
    }

    /** @param call the call that failed */
    public void report(String call, Throwable fault) {
        limit.log(more -> log.accept("%s failed in %s%s".formatted(who, call, more), fault));
    }
}
