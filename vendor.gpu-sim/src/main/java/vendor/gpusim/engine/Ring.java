package vendor.gpusim.engine;

import java.lang.foreign.MemorySegment;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.DmaAccess;
import org.jspecify.annotations.Nullable;

/**
 * A ring from its being enabled to its being disabled. The guest moves the tail, the engine the head; one that another
 * has replaced does no more than the part of a command that it is in.
 */
final class Ring {
    private static final int LARGEST = 1 << 16;

    private final long base;
    private final int slots;
    private final MemorySegment memory;
    private final DmaAccess guest;

    /** The slot of the command that is under way or next to be fetched. */
    private volatile int head;

    private record Begun(RingCommand command, Work work) {}

    /**
     * The command at the head, if it was fetched. Of who holds {@code EngineRegisters.atWork}, or of the engine's
     * thread while nobody else is at work.
     */
    private @Nullable Begun underWay;

    /** The next slot that the guest will fill. */
    private volatile int tail;

    /** Set when it stops for good: by the engine for a fault, by the guest when it ends it. */
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

    /** Whether the next part is an access to the guest's memory. */
    boolean accessesGuest() {
        Begun begun = underWay;
        return begun == null
                || begun.command() instanceof RingCommand.Upload
                || begun.command() instanceof RingCommand.Download;
    }

    /** No more than that access: the next part of a command, or its being fetched. */
    void accessGuest(Unit unit, MemorySegment slot, EngineCounters counters) throws Fault {
        if (underWay == null) {
            begin(unit, slot);
        } else {
            step(unit, slot, counters);
        }
    }

    private Begun begin(Unit unit, MemorySegment slot) throws Fault {
        fetch(slot);
        RingCommand command = Decoder.decode(slot);
        var begun = new Begun(command, unit.begin(command, memory, guest));
        underWay = begun;
        return begun;
    }

    /**
     * Does a part of the command at the head; it counts as done, and is no more at the head, unless it faults.
     *
     * @param slot a buffer of the engine's
     * @return the command when all of it is done; null before
     */
    @Nullable
    RingCommand step(Unit unit, MemorySegment slot, EngineCounters counters) throws Fault {
        Begun begun = underWay;
        if (begun == null) {
            begun = begin(unit, slot);
        }
        if (!begun.work().step()) {
            return null;
        }
        underWay = null;
        counters.moved(begun.work().bytes());
        advance();
        return begun.command();
    }

    /** Who holds {@code EngineRegisters.atWork} is the only one that writes the head. */
    @SuppressWarnings("NonAtomicVolatileUpdate")
    private void advance() {
        head = (head + 1) & (slots - 1);
    }

    private void fetch(MemorySegment slot) throws Fault {
        try {
            guest.dmaRead(base + (long) head * Decoder.SLOT, slot, 0, Decoder.SLOT);
        } catch (ErrnoException e) {
            throw new Fault(Fault.Code.DMA);
        }
    }
}
