package vendor.gpusim.engine;

import java.util.concurrent.atomic.AtomicLong;
import mdev.api.errno.ErrnoException;
import mdev.api.state.DeviceState;

/**
 * The account of a vGPU in the {@link Scheduler}, in nanoseconds: published by the engine's thread, so that the state
 * of the vGPU includes it.
 */
final class Account {
    private final AtomicLong credit = new AtomicLong();
    private final AtomicLong lead = new AtomicLong();

    long credit() {
        return credit.get();
    }

    /** By how much the virtual time exceeds the minimum among runnable vGPUs. */
    long lead() {
        return lead.get();
    }

    /** No reader needs both values of one moment, or waits for them. */
    void set(long newCredit, long newLead) {
        credit.setRelease(newCredit);
        lead.setRelease(newLead);
    }

    DeviceState save() {
        return DeviceState.version(1).with("credit", credit()).with("lead", lead());
    }

    void restore(DeviceState state) throws ErrnoException {
        set(state.number("credit"), state.number("lead"));
    }
}
