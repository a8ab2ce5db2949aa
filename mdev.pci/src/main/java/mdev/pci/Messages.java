package mdev.pci;

import java.util.List;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.stream.IntStream;
import mdev.api.vfio.VfioContext;

/**
 * The messages of one kind, MSI or MSI-X. A message is pending while its vector is masked or the function may not
 * access the bus, and is sent once neither holds. Thread-safe; no method takes a lock or allocates.
 *
 * <p>A message becomes pending before the rules are read, and a thread that relaxes a rule looks for pending messages
 * after it, so no message is left behind.
 */
final class Messages {
    /** The enable and mask bits that the guest has set. */
    interface Rules {
        boolean enabled();

        boolean masked(int vector);

        /** Maps a vector to one that the guest has enabled. */
        int granted(int vector);
    }

    private final int index;
    private final int vectors;
    private final BusMaster bus;
    private final Rules rules;

    /** One bit per vector. */
    private final AtomicLongArray pending;

    /** @param index the VFIO IRQ index */
    Messages(int index, int vectors, BusMaster bus, Rules rules) {
        this.index = index;
        this.vectors = vectors;
        this.bus = bus;
        this.rules = rules;
        this.pending = new AtomicLongArray((vectors + Long.SIZE - 1) / Long.SIZE);
    }

    /** Whether messages of this kind replace the INTx line. */
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
            take(vector); // while the kind is disabled, messages are dropped
        }
    }

    /**
     * Withdraws a pending message.
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

    /** The pending bits, 64 per element. */
    List<Long> save() {
        return IntStream.range(0, pending.length()).mapToObj(pending::get).toList();
    }

    void restore(List<?> saved) {
        for (int word = 0; word < pending.length(); word++) {
            pending.set(word, word < saved.size() && saved.get(word) instanceof Long bits ? bits : 0);
        }
    }

    /** Called after the guest has changed enable or mask bits. */
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

    /** @return whether it was pending; true for only one of several callers */
    private boolean take(int vector) {
        long bit = 1L << vector;
        return (pending.getAndAccumulate(vector / Long.SIZE, ~bit, (all, others) -> all & others) & bit) != 0;
    }
}
