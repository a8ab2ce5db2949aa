package vendor.gpusim.engine;

import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import mdev.api.errno.ErrnoException;
import mdev.api.state.DeviceState;
import mdev.pci.Interrupts;

/** The registers INTERRUPT_STATUS and INTERRUPT_ENABLE: a bit for each cause. Thread-safe. */
final class InterruptRegisters {
    /** By the number of the cause, which is its vector. */
    private final List<Interrupts.Source> sources;

    private final AtomicInteger status = new AtomicInteger();
    private volatile int enabled;

    InterruptRegisters(Interrupts interrupts, int causes) {
        this.sources = IntStream.range(0, causes).mapToObj(interrupts::source).toList();
    }

    int status() {
        return status.get();
    }

    int enabled() {
        return enabled;
    }

    void enable(int causes) {
        enabled = causes & ((1 << sources.size()) - 1);
    }

    boolean isEnabled(int cause) {
        return (enabled & 1 << cause) != 0;
    }

    void raise(int cause) {
        status.accumulateAndGet(1 << cause, (all, one) -> all | one);
        if (isEnabled(cause)) {
            sources.get(cause).interrupt();
        }
    }

    /**
     * Clears causes. A pending masked message would then report nothing, so it is withdrawn, and sent again if its
     * cause has meanwhile recurred.
     */
    void acknowledge(int causes) {
        status.accumulateAndGet(~causes, (all, others) -> all & others);
        for (int cause = 0; cause < sources.size(); cause++) {
            int bit = 1 << cause;
            if ((causes & bit) != 0) {
                sources.get(cause).level(false);
                // The cause may have recurred before the level fell.
                sources.get(cause).level((status.get() & enabled & bit) != 0);
            }
        }
    }

    void reset() {
        status.set(0);
        enabled = 0;
        sources.forEach(source -> source.level(false));
    }

    DeviceState save() {
        return DeviceState.version(1).with("status", status()).with("enable", enabled);
    }

    /** The toolkit restores the levels of the sources. */
    void restore(DeviceState state) throws ErrnoException {
        int all = (1 << sources.size()) - 1;
        status.set(state.number("status", 0, all));
        enabled = state.number("enable", 0, all);
    }
}
