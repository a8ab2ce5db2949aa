package mdev.pci;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;

/**
 * Counts the accesses of a function to the bus, which Bus Master Enable of its COMMAND register allows (PCI Local Bus
 * 3.0, 6.2.2). After the bit is cleared, {@link #settle} waits for the accesses under way, so that no memory of the
 * guest changes after the write of COMMAND.
 */
final class BusMaster {
    /**
     * How long {@link #settle} waits. An access to shared memory takes less than a millisecond. An access by message
     * may take seconds, and a client that waits for its write of COMMAND cannot answer it: that access ends at its own
     * deadline.
     */
    private static final long LONGEST = TimeUnit.SECONDS.toNanos(1);

    private static final long LOOK = TimeUnit.MICROSECONDS.toNanos(20);

    private final BooleanSupplier enabled;

    /** Accesses under way. Incremented before {@link #enabled} is read, so that {@link #settle} misses none. */
    private final AtomicInteger inside = new AtomicInteger();

    /** @param enabled reads the bit of COMMAND */
    BusMaster(BooleanSupplier enabled) {
        this.enabled = enabled;
    }

    boolean enabled() {
        return enabled.getAsBoolean();
    }

    /** @return whether the access is allowed; paired with {@link #leave} if so */
    boolean enter() {
        inside.incrementAndGet();
        if (enabled()) {
            return true;
        }
        leave();
        return false;
    }

    void leave() {
        inside.decrementAndGet();
    }

    /** Called after COMMAND has changed: if the bit is clear, waits for the accesses under way. */
    void settle() {
        long begin = System.nanoTime();
        boolean interrupted = false;
        while (!enabled() && inside.get() != 0 && System.nanoTime() - begin < LONGEST) {
            LockSupport.parkNanos(this, LOOK);
            // A pending interrupt would end each further park at once. No mdev.sync here: a vendor copies mdev.pci
            // only.
            interrupted |= Thread.interrupted();
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }
}
