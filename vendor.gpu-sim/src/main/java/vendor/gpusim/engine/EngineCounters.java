package vendor.gpusim.engine;

import java.util.concurrent.atomic.AtomicLong;

/** What a vGPU has had of the engine since it was created. Written by the engine, read by any thread. */
public final class EngineCounters {
    private final AtomicLong busy = new AtomicLong();
    private final AtomicLong waiting = new AtomicLong();
    private final AtomicLong commands = new AtomicLong();
    private final AtomicLong frames = new AtomicLong();
    private final AtomicLong bytes = new AtomicLong();

    /** Nanoseconds in which the engine worked for it. */
    public long busy() {
        return busy.get();
    }

    /** Nanoseconds in which it had work and the engine did other's or its share was used up. */
    public long waiting() {
        return waiting.get();
    }

    public long commands() {
        return commands.get();
    }

    /** Fences that ended a frame. */
    public long frames() {
        return frames.get();
    }

    /** Bytes that its commands read from their sources and wrote to their destinations. */
    public long bytes() {
        return bytes.get();
    }

    void worked(long nanos) {
        busy.addAndGet(nanos);
    }

    void waited(long nanos) {
        waiting.addAndGet(nanos);
    }

    void moved(long count) {
        commands.incrementAndGet();
        bytes.addAndGet(count);
    }

    void frame() {
        frames.incrementAndGet();
    }
}
