package vfio.mdev.irq;

import mdev.api.vfio.IrqTrigger;
import mdev.sync.FaultLog;
import vfio.mdev.usage.UseCount;

/**
 * An armed trigger. After it is disarmed, it is closed exactly once, when its last running signal has returned: an
 * eventfd's number may be reused at once, so no late signal may still be writing.
 */
final class Armed {
    private final IrqTrigger trigger;
    private final FaultLog faults;
    private final UseCount gate = new UseCount(this::close);

    Armed(IrqTrigger trigger, FaultLog faults) {
        this.trigger = trigger;
        this.faults = faults;
    }

    /** @return false if the trigger has been disarmed */
    boolean signal() {
        if (!gate.enter()) {
            return false;
        }
        try {
            trigger.signal();
        } catch (RuntimeException | Error e) {
            faults.report("signal of an interrupt trigger", e);
        } finally {
            gate.leave();
        }
        return true;
    }

    void release() {
        gate.close();
    }

    private void close() {
        close(trigger, faults);
    }

    /** Closes a trigger that was never armed or has been disarmed. */
    static void close(IrqTrigger trigger, FaultLog faults) {
        try {
            trigger.close();
        } catch (RuntimeException | Error e) {
            faults.report("close of an interrupt trigger", e);
        }
    }
}
