package vendor.gpusim.engine;

import java.lang.foreign.MemorySegment;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.ReentrantLock;
import mdev.api.vfio.VfioContext;
import mdev.api.vfio.VfioPci;
import mdev.pci.Interrupts;
import mdev.pci.Registers;
import mdev.pci.SharedMemory;
import mdev.sync.BoundedCalls;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * BAR4: the engine as one guest sees it. Registers stand for themselves, so each is atomic; the ring that is enabled is
 * one reference.
 *
 * <p>The data sheet is in README.md.
 */
public final class EngineRegisters implements Registers {
    /** The BAR's size; MSI-X table and pending bits lie in its upper half. */
    public static final int SIZE = 0x4000;

    /** Where the MSI-X table lies. */
    public static final int MSIX_TABLE = 0x2000;

    /** Where the MSI-X pending bits lie. */
    public static final int MSIX_PENDING = 0x3000;

    /** Interrupts, which are also MSI-X vectors and bits of the interrupt registers. */
    public static final int VECTORS = 3;

    static final int ID = 0x00;
    static final int VERSION = 0x04;
    static final int MEMORY_SIZE = 0x08;
    static final int RING_BASE_LOW = 0x10;
    static final int RING_BASE_HIGH = 0x14;
    static final int RING_SLOTS = 0x18;
    static final int CONTROL = 0x1c;
    static final int HEAD = 0x20;
    static final int TAIL = 0x24;
    static final int FENCE = 0x28;
    static final int STATUS = 0x2c;
    static final int FAULT_CODE = 0x30;
    static final int FAULT_SLOT = 0x34;
    static final int INTERRUPT_STATUS = 0x40;
    static final int INTERRUPT_ENABLE = 0x44;
    static final int VBLANK_COUNT = 0x48;

    static final int RING_DONE = 0;
    static final int FAULT = 1;
    static final int VBLANK = 2;

    static final int ENABLE = 1;
    static final int BUSY = 1;
    static final int FAULTED = 2;

    private static final Logger LOG = LoggerFactory.getLogger(EngineRegisters.class);

    private static final int MAGIC = 0x4d495347; // "GSIM"
    private static final int REVISION = 1;

    private final Engine engine;
    private final SharedMemory memory;
    private final Interrupts interrupts;
    private final EngineCounters counters;
    private final double share;

    private volatile int baseLow;
    private volatile int baseHigh;
    private volatile int slots;
    private volatile int fence;
    private volatile Fault.Code fault = Fault.Code.NONE;
    private volatile int faultSlot;
    private volatile int enabled;
    private final AtomicInteger pending = new AtomicInteger();
    private final AtomicInteger vblanks = new AtomicInteger();

    /** While enabled, else null. Set by the guest; the engine takes it once for each part of a command. */
    private volatile @Nullable Ring ring;

    /**
     * Held while somebody works for this vGPU, so that nothing is done any more when {@link #quiesce} has returned.
     * Registers do not take it; BUSY tells that it is held.
     */
    private final WorkLock atWork = new WorkLock();

    /**
     * Of whoever makes the accesses to the guest's memory: {@link #away} hands it over. It stays for the life of the
     * vGPU, whoever uses it.
     */
    private final Pace pace = new Pace();

    /**
     * Whether an access to a slow guest's memory is under way. Set by the engine's thread, cleared by the one that it
     * starts.
     */
    private volatile boolean away;

    /** Of the open device, else null. */
    private volatile @Nullable VfioContext guest;

    /**
     * @param counters go on from user to user
     * @param share of the engine under {@link Policy#FIXED_SHARE}: more than 0, at most 1
     */
    public EngineRegisters(
            Engine engine, SharedMemory memory, Interrupts interrupts, EngineCounters counters, double share) {
        this.engine = engine;
        this.memory = memory;
        this.interrupts = interrupts;
        this.counters = counters;
        this.share = share;
    }

    EngineCounters counters() {
        return counters;
    }

    double share() {
        return share;
    }

    /** Pairs with {@link #release()}. */
    @Override
    public void open(VfioContext context) {
        guest = context;
        engine.add(this);
    }

    @Override
    public void release() {
        engine.remove(this);
        quiesce(() -> guest = null);
    }

    @Override
    public void reset() {
        quiesce(() -> {
            baseLow = 0;
            baseHigh = 0;
            slots = 0;
            fence = 0;
            fault = Fault.Code.NONE;
            faultSlot = 0;
            enabled = 0;
            pending.set(0);
            vblanks.set(0);
        });
    }

    /**
     * Ends the ring, and waits for the part of a command that the engine may be in: it does one access to the guest's
     * memory at most. One that hangs finds its ring ended when it returns.
     */
    private void quiesce(Runnable then) {
        disable();
        boolean held = engine.deadline().tryLock(atWork);
        if (!held) {
            Thread worker = atWork.owner();
            LOG.warn(
                    "an access to a guest's memory hangs, and is not waited for any longer",
                    worker == null ? null : BoundedCalls.stackOf(worker));
        }
        try {
            disable(); // one that another of the user's threads has just enabled
            then.run();
        } finally {
            if (held) {
                atWork.unlock();
            }
        }
    }

    @SuppressWarnings("serial") // it never is
    private static final class WorkLock extends ReentrantLock {
        @Nullable
        Thread owner() {
            return getOwner();
        }
    }

    @Override
    public long read(long offset, int size) {
        if (size < 4) {
            long register = read(offset & ~3, 4);
            return (register >>> (8 * (offset & 3))) & ((1L << (8 * size)) - 1);
        }
        return Integer.toUnsignedLong(register((int) offset));
    }

    private int register(int offset) {
        Ring now = ring;
        return switch (offset) {
            case ID -> MAGIC;
            case VERSION -> REVISION;
            case MEMORY_SIZE -> (int) memory.memory().byteSize();
            case RING_BASE_LOW -> baseLow;
            case RING_BASE_HIGH -> baseHigh;
            case RING_SLOTS -> slots;
            case CONTROL -> now == null ? 0 : ENABLE;
            case HEAD -> now == null ? 0 : now.head();
            case TAIL -> now == null ? 0 : now.tail();
            case FENCE -> fence;
            case STATUS ->
                // In this order: what ends the being busy has been told before.
                ((now != null && now.waits()) || atWork.isLocked() ? BUSY : 0)
                        | (fault == Fault.Code.NONE ? 0 : FAULTED);
            case FAULT_CODE -> fault.number();
            case FAULT_SLOT -> faultSlot;
            case INTERRUPT_STATUS -> pending.get();
            case INTERRUPT_ENABLE -> enabled;
            case VBLANK_COUNT -> vblanks.get();
            default -> 0;
        };
    }

    /** Registers are written whole: what is narrower is no access that the engine knows, and does nothing. */
    @Override
    public void write(long offset, int size, long value) {
        if (size < 4) {
            return;
        }
        int word = (int) value;
        switch ((int) offset) {
            case RING_BASE_LOW -> baseLow = word;
            case RING_BASE_HIGH -> baseHigh = word;
            case RING_SLOTS -> slots = word;
            case CONTROL -> control((word & ENABLE) != 0);
            case TAIL -> doorbell(word);
            case INTERRUPT_STATUS -> acknowledge(word);
            case INTERRUPT_ENABLE -> {
                enabled = word & ((1 << VECTORS) - 1);
                engine.wake();
            }
            default -> {
                // Read-only, or nothing.
            }
        }
    }

    /** Enabling clears the last fault; the ring begins at slot 0. */
    private void control(boolean enable) {
        VfioContext dma = guest;
        if (!enable || dma == null) {
            disable();
        } else if (ring == null) {
            fault = Fault.Code.NONE;
            long base = Integer.toUnsignedLong(baseLow) | (long) baseHigh << 32;
            if (Ring.valid(base, slots)) {
                ring = new Ring(base, slots, memory.memory(), dma);
            } else {
                fault(Fault.Code.RING, 0);
            }
        }
    }

    private void disable() {
        Ring now = ring;
        ring = null;
        if (now != null) {
            now.stop();
        }
    }

    private void doorbell(int tail) {
        Ring now = ring;
        if (now != null) {
            now.tail(tail);
            engine.wake();
        }
    }

    /** Whether there is something that the engine can do. */
    boolean waits() {
        Ring now = ring;
        return !away && now != null && now.waits();
    }

    /** How long a step kept the engine. */
    void took(long nanos) {
        if (!away && !pace.isSlow()) {
            pace.took(nanos);
        }
    }

    /**
     * Carries out a part of a command, on the engine's thread; an access to a slow guest's memory on one of its own.
     */
    void step(Unit unit, MemorySegment slot) {
        Ring now = ring;
        if (now != null && pace.isSlow() && now.accessesGuest()) {
            away = true;
            engine.access(() -> accessGuest(now, unit));
        } else if (now != null) {
            work(now, () -> {
                if (now.step(unit, slot, counters) instanceof RingCommand.Fence fence) {
                    done(now, fence);
                }
            });
        }
    }

    /** The unit does no more than make what the engine's thread will do. */
    private void accessGuest(Ring now, Unit unit) {
        long begin = System.nanoTime();
        try {
            work(now, () -> now.accessGuest(unit, MemorySegment.ofArray(new byte[Decoder.SLOT]), counters));
        } finally {
            pace.took(System.nanoTime() - begin);
            away = false;
            engine.wake();
        }
    }

    @FunctionalInterface
    private interface Part {
        void run() throws Fault;
    }

    /** Unless the guest has ended the ring meanwhile. */
    private void work(Ring now, Part part) {
        atWork.lock();
        try {
            if (ring == now && now.waits()) {
                part.run();
            }
        } catch (Fault e) {
            fault(now, e.code());
        } catch (RuntimeException | Error e) { // the others' engine goes on
            engine.faults().report("a command, whose ring is stopped now", e);
            fault(now, Fault.Code.INTERNAL);
        } finally {
            atWork.unlock();
        }
    }

    /** Told unless the guest has put another ring in this one's place meanwhile. */
    private void done(Ring now, RingCommand.Fence done) {
        if (ring == now) {
            fence = done.value();
            if (done.frame()) {
                counters.frame();
            }
            raise(RING_DONE);
        }
    }

    private void fault(Ring now, Fault.Code code) {
        if (ring == now) {
            fault(code, now.head());
        }
        now.stop();
    }

    private void fault(Fault.Code code, int slot) {
        faultSlot = slot;
        fault = code;
        raise(FAULT);
    }

    /** Tells of the end of a frame on the screen, if the guest wants to know. */
    void vblank() {
        if (!atWork.tryLock()) {
            return; // it is being reset, and wants to know no more, or its guest is slow
        }
        try {
            if (wantsVblank()) {
                vblanks.incrementAndGet();
                raise(VBLANK);
            }
        } finally {
            atWork.unlock();
        }
    }

    boolean wantsVblank() {
        return (enabled & 1 << VBLANK) != 0;
    }

    /** A message that is still masked would tell of nothing, unless its cause has come again meanwhile. */
    private void acknowledge(int causes) {
        pending.getAndAccumulate(~causes, (all, others) -> all & others);
        for (int interrupt = 0; interrupt < VECTORS; interrupt++) {
            int bit = 1 << interrupt;
            if ((causes & bit) != 0 && interrupts.withdraw(VfioPci.MSIX_IRQ, interrupt) && (pending.get() & bit) != 0) {
                interrupts.message(VfioPci.MSIX_IRQ, interrupt);
            }
        }
    }

    private void raise(int interrupt) {
        pending.getAndAccumulate(1 << interrupt, (all, one) -> all | one);
        if ((enabled & 1 << interrupt) != 0) {
            interrupts.message(VfioPci.MSIX_IRQ, interrupt);
        }
    }
}
