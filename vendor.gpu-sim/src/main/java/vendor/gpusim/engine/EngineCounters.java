package vendor.gpusim.engine;

import java.util.concurrent.atomic.AtomicLong;
import mdev.api.errno.ErrnoException;
import mdev.api.state.DeviceState;

/**
 * A vGPU's use of the engine since its creation. Written by the engine, read by any thread.
 *
 * @param busy nanoseconds in which the engine worked for this vGPU
 * @param waiting nanoseconds in which this vGPU had work but the engine served other vGPUs, or its share was used up
 * @param commands completed commands
 * @param frames fences that ended a frame
 * @param bytes bytes that the vGPU's commands read from sources and wrote to destinations
 */
public record EngineCounters(
        AtomicLong busy, AtomicLong waiting, AtomicLong commands, AtomicLong frames, AtomicLong bytes) {
    public EngineCounters() {
        this(new AtomicLong(), new AtomicLong(), new AtomicLong(), new AtomicLong(), new AtomicLong());
    }

    DeviceState save() {
        return DeviceState.version(1)
                .with("busy", busy.get())
                .with("waiting", waiting.get())
                .with("commands", commands.get())
                .with("frames", frames.get())
                .with("bytes", bytes.get());
    }

    void restore(DeviceState state) throws ErrnoException {
        busy.set(state.number("busy"));
        waiting.set(state.number("waiting"));
        commands.set(state.number("commands"));
        frames.set(state.number("frames"));
        bytes.set(state.number("bytes"));
    }
}
