package vendor.gpusim.engine;

import java.util.concurrent.atomic.AtomicLong;

/** A vGPU's use of the engine since its creation. Written by the engine, read by any thread. */
public final class EngineCounters {
    private final AtomicLong busy = new AtomicLong();
    private final AtomicLong waiting = new AtomicLong();
    private final AtomicLong commands = new AtomicLong();
    private final AtomicLong frames = new AtomicLong();
    private final AtomicLong bytes = new AtomicLong();

    /** Nanoseconds in which the engine worked for this vGPU. */
    public long busy() {
        return busy.get();
    }

    /** Nanoseconds in which this vGPU had work but the engine served other vGPUs, or its share was used up. */
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

    /** Bytes that the vGPU's commands read from sources and wrote to destinations. */
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
