package vfio.mdev.irq;

import java.util.concurrent.atomic.AtomicReferenceFieldUpdater;
import org.jspecify.annotations.Nullable;

/**
 * The level-triggered line: INTx of a PCI device.
 *
 * <p>Its whole state is one reference: the armed trigger and three bits. The user is signalled by the transition to
 * "armed, high, neither masked nor signalled", regardless of its cause (the vendor raising the line, the user unmasking
 * or arming), and the same transition sets SIGNALLED, the automask of {@code vfio_pci_intrs.c}. Because each change is
 * one compare-and-set, no interleaving loses or duplicates a signal.
 *
 * <p>A signal belongs to the trigger that was armed at the transition. A trigger that is replaced before its signal is
 * sent drops the signal: arming a successor clears SIGNALLED and therefore signals the successor if the line is high.
 */
final class IntxLine implements Vector {
    private static final int HIGH = 1;
    private static final int MASKED = 1 << 1;
    private static final int SIGNALLED = 1 << 2;

    /** All states of a trigger are created when it is armed, so a transition allocates nothing. */
    private static final class State {
        final @Nullable Armed armed;
        final int bits;
        private final State[] family;

        /** The states of a new trigger. */
        static State of(@Nullable Armed armed) {
            State[] family = new State[8];
            for (int bits = 0; bits < family.length; bits++) {
                family[bits] = new State(armed, bits, family);
            }
            return family[0];
        }

        private State(@Nullable Armed armed, int bits, State[] family) {
            this.armed = armed;
            this.bits = bits;
            this.family = family;
        }

        State with(int newBits) {
            return family[newBits];
        }

        boolean fires() {
            return armed != null && bits == HIGH;
        }
    }

    private static final AtomicReferenceFieldUpdater<IntxLine, State> STATE =
            AtomicReferenceFieldUpdater.newUpdater(IntxLine.class, State.class, "state");

    private final State unarmed = State.of(null);
    private volatile State state = unarmed;

    void set(boolean high) {
        change(high ? 0 : HIGH, high ? HIGH : 0);
    }

    @Override
    public boolean maskable() {
        return true;
    }

    @Override
    public void mask() {
        change(0, MASKED);
    }

    @Override
    public void unmask() {
        change(MASKED | SIGNALLED, 0);
    }

    private void change(int clear, int set) {
        State was;
        do {
            was = state;
        } while (!become(was, was, (was.bits & ~clear) | set));
    }

    @Override
    public void arm(Armed trigger) {
        replace(State.of(trigger), HIGH | MASKED);
    }

    @Override
    public void disarm() {
        replace(unarmed, HIGH);
    }

    private void replace(State family, int kept) {
        State was;
        do {
            was = state;
        } while (!become(was, family, was.bits & kept));
        if (was.armed != null) {
            was.armed.release();
        }
    }

    /**
     * Changes to the given bits, of the same or of another trigger, and signals if required.
     *
     * @return false if a concurrent change came first
     */
    private boolean become(State was, State family, int bits) {
        State wanted = family.with(bits);
        boolean fires = wanted.fires();
        State is = fires ? family.with(HIGH | SIGNALLED) : wanted;
        if (is != was && !STATE.compareAndSet(this, was, is)) {
            return false;
        }
        if (fires && is.armed != null) {
            is.armed.signal();
        }
        return true;
    }

    @Override
    public void loopback() {
        Armed armed = state.armed;
        if (armed != null) {
            armed.signal();
        }
    }

    @Override
    public boolean armed() {
        return state.armed != null;
    }

    @Override
    public boolean masked() {
        return (state.bits & (MASKED | SIGNALLED)) != 0;
    }
}
