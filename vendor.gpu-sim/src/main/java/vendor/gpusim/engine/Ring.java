package vendor.gpusim.engine;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import java.lang.foreign.MemorySegment;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.state.DeviceState;
import mdev.api.vfio.DmaAccess;
import org.jspecify.annotations.Nullable;

/**
 * A ring, from enable to disable. The guest moves the tail, the engine the head. A replaced ring only completes the
 * current part of a command.
 */
final class Ring {
    private static final int LARGEST = 1 << 16;

    private final long base;
    private final int slots;
    private final MemorySegment memory;
    private final DmaAccess guest;

    /** The slot of the current command, or of the next one to fetch. */
    private volatile int head;

    private record Begun(RingCommand command, Work work) {}

    /**
     * The command at the head, if fetched. Accessed by the holder of {@code EngineRegisters.atWork}, or by the engine's
     * thread while the lock is free.
     */
    private @Nullable Begun underWay;

    /** The slot of {@link #underWay} or {@link #resumed}. */
    private final MemorySegment slot = MemorySegment.ofArray(new byte[Decoder.SLOT]);

    /** The progress of the command in {@link #slot} before an update; null once it is under way again. */
    private Work.@Nullable Progress resumed;

    /** The next slot that the guest will fill. */
    private volatile int tail;

    /** Set when the ring stops for good: by the engine on a fault, or by the guest on disable. */
    private volatile boolean stopped;

    Ring(long base, int slots, MemorySegment memory, DmaAccess guest) {
        this.base = base;
        this.slots = slots;
        this.memory = memory;
        this.guest = guest;
    }

    /**
     * Whether the geometry is valid: the number of slots is a power of two, and the base is a multiple of the slot
     * size.
     */
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

    /** Whether the ring has work. */
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

    /** Makes only that access: executes the next part of a command, or fetches a command. */
    void accessGuest(Unit unit, EngineCounters counters) throws Fault {
        if (underWay == null) {
            begin(unit);
        } else {
            step(unit, counters);
        }
    }

    private Begun begin(Unit unit) throws Fault {
        Work.Progress progress = resumed;
        if (progress == null) {
            fetch();
        }
        RingCommand command = Decoder.decode(slot);
        var begun = new Begun(command, unit.begin(command, memory, guest));
        if (progress != null) {
            begun.work().resume(progress);
            resumed = null;
        }
        underWay = begun;
        return begun;
    }

    /**
     * Executes a part of the command at the head. A completed command leaves the head and is counted, unless it faults.
     *
     * @return the command when it is complete; null before
     */
    @Nullable
    RingCommand step(Unit unit, EngineCounters counters) throws Fault {
        Begun begun = underWay;
        if (begun == null) {
            begun = begin(unit);
        }
        if (!begun.work().step()) {
            return null;
        }
        underWay = null;
        counters.commands().incrementAndGet();
        counters.bytes().addAndGet(begun.work().bytes());
        advance();
        return begun.command();
    }

    /** Only the holder of {@code EngineRegisters.atWork} writes the head. */
    @SuppressWarnings("NonAtomicVolatileUpdate")
    private void advance() {
        head = (head + 1) & (slots - 1);
    }

    private void fetch() throws Fault {
        try {
            guest.dmaRead(base + (long) head * Decoder.SLOT, slot, 0, Decoder.SLOT);
        } catch (ErrnoException e) {
            throw new Fault(Fault.Code.DMA);
        }
    }

    /** Called while the vGPU is stopped. */
    DeviceState save() {
        DeviceState state = DeviceState.version(1)
                .with("base", base)
                .with("slots", slots)
                .with("head", head)
                .with("tail", tail)
                .with("stopped", stopped);
        Begun begun = underWay;
        Work.Progress progress = begun == null ? resumed : begun.work().progress();
        return progress == null
                ? state
                : state.with("command", slot.toArray(JAVA_BYTE))
                        .with("done", progress.done())
                        .with("carry", Double.doubleToRawLongBits(progress.carry()));
    }

    /** @throws ErrnoException EINVAL: a field is missing or invalid */
    static Ring restore(DeviceState state, MemorySegment memory, DmaAccess guest) throws ErrnoException {
        long base = state.number("base");
        int slots = state.number("slots", 2, LARGEST);
        if (!valid(base, slots)) {
            throw new ErrnoException(
                    Errno.EINVAL, "state: no ring has " + slots + " slots at 0x" + Long.toHexString(base));
        }
        var ring = new Ring(base, slots, memory, guest);
        ring.head = state.number("head", 0, slots - 1);
        ring.tail = state.number("tail", 0, slots - 1);
        ring.stopped = state.flag("stopped");
        if (state.has("command")) {
            byte[] command = state.bytes("command");
            if (command.length != Decoder.SLOT) {
                throw new ErrnoException(Errno.EINVAL, "state: a command has " + command.length + " bytes");
            }
            ring.slot.copyFrom(MemorySegment.ofArray(command));
            ring.resumed = new Work.Progress(state.number("done"), Double.longBitsToDouble(state.number("carry")));
        }
        return ring;
    }
}
