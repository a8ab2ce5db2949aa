package mdev.pci;

import java.util.List;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.stream.IntStream;
import mdev.api.vfio.VfioContext;

/**
 * The messages of one kind, MSI or MSI-X. One that is masked, or that the function may not write to the bus, stays
 * pending, and is sent when nothing keeps it any more. Any thread may call; nothing here takes a lock or allocates.
 *
 * <p>A message is made pending before the rules are read, and whoever relaxes a rule looks for pending messages after
 * it: so none stays behind.
 */
final class Messages {
    /** What the guest has set. */
    interface Rules {
        boolean enabled();

        boolean masked(int vector);

        /** The vector that is sent for a wanted one, of those that the guest lets the device use. */
        int granted(int vector);
    }

    private final int index;
    private final int vectors;
    private final BusMaster bus;
    private final Rules rules;

    /** A bit for each vector. */
    private final AtomicLongArray pending;

    /** @param index of VFIO's kinds */
    Messages(int index, int vectors, BusMaster bus, Rules rules) {
        this.index = index;
        this.vectors = vectors;
        this.bus = bus;
        this.rules = rules;
        this.pending = new AtomicLongArray((vectors + Long.SIZE - 1) / Long.SIZE);
    }

    /** Whether messages of this kind stand in for the INTx line. */
    boolean enabled() {
        return rules.enabled();
    }

    int granted(int vector) {
        return rules.granted(vector);
    }

    /** The pending bits of the vectors from {@code 64 * word} on. */
    long pending(int word) {
        return pending.get(word);
    }

    void send(VfioContext user, int wanted) {
        if (wanted < 0 || wanted >= vectors) {
            return;
        }
        int vector = rules.granted(wanted);
        pending.accumulateAndGet(vector / Long.SIZE, 1L << vector, (all, one) -> all | one);
        if (rules.enabled()) {
            deliver(user, vector);
        } else {
            take(vector); // a kind that is not enabled sends nothing, later neither
        }
    }

    /**
     * Takes a pending message back: what it would tell is over.
     *
     * @return whether it was pending
     */
    boolean withdraw(int vector) {
        return vector >= 0 && vector < vectors && take(rules.granted(vector));
    }

    void clear() {
        for (int word = 0; word < pending.length(); word++) {
            pending.set(word, 0);
        }
    }

    /** The pending bits, 64 to a number. */
    List<Long> save() {
        return IntStream.range(0, pending.length()).mapToObj(pending::get).toList();
    }

    void restore(List<?> saved) {
        for (int word = 0; word < pending.length(); word++) {
            pending.set(word, word < saved.size() && saved.get(word) instanceof Long bits ? bits : 0);
        }
    }

    /** Called after what the guest has set changed. */
    void update(VfioContext user) {
        if (!rules.enabled()) {
            clear();
            return;
        }
        for (int word = 0; word < pending.length(); word++) {
            for (long left = pending.get(word); left != 0; left &= left - 1) {
                deliver(user, word * Long.SIZE + Long.numberOfTrailingZeros(left));
            }
        }
    }

    private void deliver(VfioContext user, int vector) {
        if (rules.masked(vector) || !bus.enter()) {
            return;
        }
        try {
            if (take(vector)) {
                user.trigger(index, vector);
            }
        } finally {
            bus.leave();
        }
    }

    /** @return whether it was pending; of several callers one gets it */
    private boolean take(int vector) {
        long bit = 1L << vector;
        return (pending.getAndAccumulate(vector / Long.SIZE, ~bit, (all, others) -> all & others) & bit) != 0;
    }
}
