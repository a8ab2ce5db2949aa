package vendor.gpusim.engine;

import java.lang.foreign.MemorySegment;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.DmaAccess;
import org.jspecify.annotations.Nullable;

/**
 * A ring from its being enabled to its being disabled. The guest moves the tail, the engine the head; one that another has replaced does no more than the part of a
 * command that it is in.
 */
final class Ring {
    private static final int LARGEST = 1 << 16;

    private final long base;
    private final int slots;
    private final MemorySegment memory;
    private final DmaAccess guest;

    /** The next slot to be fetched; the engine's. */
    private volatile int head;

    private record Begun(Command command, Work work) {}

    /** The command at the head, if something of it is done; the engine's thread only. */
    private @Nullable Begun underWay;

    /** The next slot that the guest will fill. */
    private volatile int tail;

    /** Set by the engine when it stops for good: for a fault, or because the guest has gone. */
    private volatile boolean stopped;

    Ring(long base, int slots, MemorySegment memory, DmaAccess guest) {
        this.base = base;
        this.slots = slots;
        this.memory = memory;
        this.guest = guest;
    }

    /** Whether a ring can be so: a power of two of slots that lie on multiples of a slot's size. */
    static boolean valid(long base, int slots) {
        return slots >= 2 && slots <= LARGEST && Integer.bitCount(slots) == 1 && base % Decoder.SLOT == 0;
    }

    int head() {
        return head;
    }

    int tail() {
        return tail;
    }

    /** The doorbell. */
    void tail(int value) {
        tail = value & (slots - 1);
    }

    /** Whether there is something to do. */
    boolean waits() {
        return !stopped && head != tail;
    }

    void stop() {
        stopped = true;
    }

    /**
     * Does a part of the command at the head; it counts as done, and is no more at the head, unless it faults.
     *
     * @param slot a buffer of the engine's
     * @return the command when all of it is done; null before, and when the guest has gone
     */
    @Nullable Command step(Unit unit, MemorySegment slot, Counters counters) throws Fault {
        try {
            Begun begun = underWay;
            if (begun == null) {
                fetch(slot);
                Command command = Decoder.decode(slot);
                begun = new Begun(command, unit.begin(command, memory, guest));
                underWay = begun;
            }
            if (!begun.work().step()) {
                return null;
            }
            underWay = null;
            counters.moved(begun.work().bytes());
            advance();
            return begun.command();
        } catch (IllegalStateException | ErrnoException e) {
            stop(); // the memory is no more
            return null;
        }
    }

    /** The engine's thread is the only one that writes the head. */
    @SuppressWarnings("NonAtomicVolatileUpdate")
    private void advance() {
        head = (head + 1) & (slots - 1);
    }

    private void fetch(MemorySegment slot) throws Fault, ErrnoException {
        try {
            guest.dmaRead(base + (long) head * Decoder.SLOT, slot, 0, Decoder.SLOT);
        } catch (ErrnoException e) {
            if (e.errno() == Errno.ENODEV) {
                throw e;
            }
            throw new Fault(Fault.Code.DMA);
        }
    }
}
