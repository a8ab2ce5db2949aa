package vfio.mdev.irq;

import java.util.concurrent.atomic.AtomicInteger;
import mdev.api.vfio.IrqTrigger;

/** A trigger that counts signals and detects forbidden calls. */
final class Signals implements IrqTrigger {
    final AtomicInteger signals = new AtomicInteger();
    final AtomicInteger closes = new AtomicInteger();
    final AtomicInteger violations = new AtomicInteger();
    private final AtomicInteger running = new AtomicInteger();

    @Override
    public void signal() {
        running.incrementAndGet();
        if (closes.get() != 0) {
            violations.incrementAndGet();
        }
        signals.incrementAndGet();
        if (closes.get() != 0) {
            violations.incrementAndGet();
        }
        running.decrementAndGet();
    }

    @Override
    public void close() {
        if (closes.incrementAndGet() != 1 || running.get() != 0) {
            violations.incrementAndGet();
        }
    }
}
