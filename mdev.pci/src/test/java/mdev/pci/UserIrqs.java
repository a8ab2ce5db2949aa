package mdev.pci;

import java.util.HashMap;
import java.util.Map;
import mdev.api.vfio.VfioContext;
import mdev.api.vfio.VfioPci;

/** A user's interrupts, with the rules of {@link VfioContext}; it counts the signals that the user gets. */
final class UserIrqs implements VfioContext {
    record Irq(int index, int vector) {}

    private final Map<Irq, Integer> signals = new HashMap<>();
    private boolean line;
    private boolean masked;

    synchronized void arm(int index, int vector) {
        signals.put(new Irq(index, vector), 0);
        signalLine();
    }

    synchronized void disarm(int index, int vector) {
        signals.remove(new Irq(index, vector));
    }

    synchronized void unmask() {
        masked = false;
        signalLine();
    }

    synchronized boolean line() {
        return line;
    }

    /** The signals since the interrupt was armed. */
    synchronized int signals(int index, int vector) {
        return signals.getOrDefault(new Irq(index, vector), 0);
    }

    @Override
    public synchronized boolean armed(int index, int vector) {
        return signals.containsKey(new Irq(index, vector));
    }

    @Override
    public synchronized void trigger(int index, int vector) {
        signals.computeIfPresent(new Irq(index, vector), (irq, count) -> count + 1);
    }

    @Override
    public synchronized void setIntx(boolean high) {
        line = high;
        signalLine();
    }

    private void signalLine() {
        if (line && !masked && armed(VfioPci.INTX_IRQ, 0)) {
            masked = true;
            trigger(VfioPci.INTX_IRQ, 0);
        }
    }
}
