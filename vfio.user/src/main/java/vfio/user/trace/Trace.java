package vfio.user.trace;

import java.time.LocalTime;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * A queue of trace lines for a reader. A reader that is too slow loses lines and receives their number; the device
 * never waits for the reader.
 */
public final class Trace {
    private static final int QUEUED = 16_384;
    private static final DateTimeFormatter TIME = DateTimeFormatter.ofPattern("HH:mm:ss.SSSSSS");

    private final BlockingQueue<String> lines = new ArrayBlockingQueue<>(QUEUED);
    private final AtomicLong lost = new AtomicLong();
    private final boolean dma;
    private volatile boolean ended;

    /** @param dma whether to show also the device's own accesses to the client's memory */
    public Trace(boolean dma) {
        this.dma = dma;
    }

    boolean showsDma() {
        return dma;
    }

    void add(String line) {
        if (!lines.offer(LocalTime.now(ZoneId.systemDefault()).format(TIME) + " " + line)) {
            lost.getAndIncrement();
        }
    }

    /** Called when the device is removed; only queued lines remain. */
    void end() {
        ended = true;
    }

    /**
     * Waits for the next line.
     *
     * @return null on timeout
     */
    public @Nullable String next(long millis) throws InterruptedException {
        String line = lines.poll();
        if (line != null) {
            return line;
        }
        long missing = lost.getAndSet(0);
        return missing == 0 ? lines.poll(millis, TimeUnit.MILLISECONDS) : "... " + missing + " lines lost";
    }

    /** Whether no more lines can follow. */
    public boolean isOver() {
        return ended && lines.isEmpty() && lost.get() == 0;
    }
}
