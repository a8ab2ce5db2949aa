package mdev.pci;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;

/**
 * The gate that every access of a function to the bus passes: Bus Master Enable of its COMMAND register (PCI Local Bus
 * 3.0, 6.2.2). An access holds the gate open while it lasts, so that nothing moves any more when {@link #settle} has
 * returned.
 */
final class BusMaster {
    /**
     * How long {@link #settle} waits. An access to memory that the user shares takes less than a millisecond. One that
     * the user must answer may take seconds, and cannot be answered by a user who waits for the write of COMMAND: it
     * ends by itself.
     */
    private static final long LONGEST = TimeUnit.SECONDS.toNanos(1);

    private static final long LOOK = TimeUnit.MICROSECONDS.toNanos(20);

    private final BooleanSupplier enabled;

    /** Accesses under way. Counted before {@link #enabled} is read, so that {@link #settle} misses none. */
    private final AtomicInteger inside = new AtomicInteger();

    /** @param enabled reads the bit of COMMAND */
    BusMaster(BooleanSupplier enabled) {
        this.enabled = enabled;
    }

    boolean enabled() {
        return enabled.getAsBoolean();
    }

    /** @return whether the access is allowed; {@link #leave} follows it */
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

    /** Called after COMMAND has changed: with the bit clear, waits until the accesses under way have ended. */
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
