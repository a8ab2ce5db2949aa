package vendor.gpusim.engine;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.locks.ReentrantLock;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.state.DeviceState;
import mdev.api.vfio.VfioContext;
import mdev.device.Registers;
import mdev.device.SharedMemory;
import mdev.pci.Interrupts;
import mdev.sync.BoundedCalls;
import mdev.sync.Deadline;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * BAR4: the engine's registers for one guest. The registers are independent, so each is atomic; the enabled ring is one
 * reference.
 *
 * <p>The data sheet is in README.md.
 */
public final class EngineRegisters implements Registers {
    /** The BAR's size; the MSI-X table and pending bits are in its upper half. */
    public static final int SIZE = 0x4000;

    /** The offset of the MSI-X table. */
    public static final int MSIX_TABLE = 0x2000;

    /** The offset of the MSI-X pending bits. */
    public static final int MSIX_PENDING = 0x3000;

    /** The number of interrupts; each is an MSI-X vector and a bit of the interrupt registers. */
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
    private static final int END = 0x4c;

    static final int RING_DONE = 0;
    static final int FAULT = 1;
    static final int VBLANK = 2;

    static final int ENABLE = 1;
    static final int BUSY = 1;
    static final int FAULTED = 2;

    private static final Logger LOG = LoggerFactory.getLogger(EngineRegisters.class);

    private static final int MAGIC = 0x4d495347; // "GSIM"
    private static final int REVISION = 1;

    /** How long an access to the guest's memory may delay a stop or quiesce: a third of an update's deadline. */
    private static final Duration STOP = Duration.ofSeconds(1);

    /** A register of {@link #words}, with its name in the state. */
    private record Word(String name, int offset) {}

    private static final List<Word> SAVED = List.of(
            new Word("ringBaseLow", RING_BASE_LOW),
            new Word("ringBaseHigh", RING_BASE_HIGH),
            new Word("ringSlots", RING_SLOTS),
            new Word("fence", FENCE),
            new Word("faultCode", FAULT_CODE),
            new Word("faultSlot", FAULT_SLOT),
            new Word("vblankCount", VBLANK_COUNT));

    private final Engine engine;
    private final SharedMemory memory;
    private final InterruptRegisters interrupts;
    private final EngineCounters counters;
    private final Account account = new Account();
    private final double share;

    /** The registers that hold the last value that the guest or the engine set; each has 4 bytes. */
    private final AtomicIntegerArray words = new AtomicIntegerArray(END / Integer.BYTES);

    /** The enabled ring, or null. Set by the guest; read by the engine once for each part of a command. */
    private volatile @Nullable Ring ring;

    /**
     * Held while work for this vGPU is in progress, so that none runs after {@link #end} has returned. Register
     * accesses do not take it; BUSY shows whether it is held.
     */
    private final WorkLock atWork = new WorkLock();

    /**
     * Owned by the thread that accesses the guest's memory; {@link #away} hands it over. Kept for the lifetime of the
     * vGPU, across users.
     */
    private final Pace pace = new Pace();

    /**
     * Whether an access to a slow guest's memory is in progress. Set by the engine's thread, cleared by the thread that
     * makes the access.
     */
    private volatile boolean away;

    /**
     * Whether the device is stopped for a save or restore: then the engine does no work for it. Read with
     * {@link #atWork} held.
     */
    private volatile boolean stopped;

    /** Whether the engine executes no commands, all of which it fetches by DMA. Read with {@link #atWork} held. */
    private volatile boolean quiescent;

    /** The context of the open device, or null. */
    private volatile @Nullable VfioContext guest;

    /**
     * @param counters kept across users
     * @param share the share of the engine under {@link Policy#FIXED_SHARE}: more than 0, at most 1
     */
    public EngineRegisters(
            Engine engine, SharedMemory memory, Interrupts interrupts, EngineCounters counters, double share) {
        this.engine = engine;
        this.memory = memory;
        this.interrupts = new InterruptRegisters(interrupts, VECTORS);
        this.counters = counters;
        this.share = share;
    }

    EngineCounters counters() {
        return counters;
    }

    double share() {
        return share;
    }

    Account account() {
        return account;
    }

    /** Pairs with {@link #release()}. */
    @Override
    public void open(VfioContext context) {
        guest = context;
        account.set(0, 0);
        engine.add(this);
    }

    @Override
    public void release() {
        engine.remove(this);
        end(() -> guest = null);
    }

    @Override
    public void reset() {
        end(() -> {
            for (int i = 0; i < words.length(); i++) {
                words.set(i, 0);
            }
            interrupts.reset();
        });
    }

    /**
     * Ends the ring and waits for the part of a command that the engine may be executing, which makes at most one
     * access to the guest's memory. When a hung access returns, it finds the ring ended.
     */
    private void end(Runnable then) {
        disable();
        boolean held = engine.deadline().tryLock(atWork);
        if (!held) {
            Thread worker = atWork.owner();
            LOG.warn(
                    "an access to a guest's memory did not return in time and is abandoned",
                    worker == null ? null : BoundedCalls.stackOf(worker));
        }
        try {
            disable(); // another thread of the user may just have enabled a ring
            then.run();
        } finally {
            if (held) {
                atWork.unlock();
            }
        }
    }

    /** The current part of a command is completed; BUSY shows that the rest waits. Vblank interrupts continue. */
    @Override
    public void quiesce() throws ErrnoException {
        quiescent = true;
        awaitPart();
    }

    @Override
    public void unquiesce() {
        quiescent = false;
        engine.wake();
    }

    private void awaitPart() throws ErrnoException {
        if (!Deadline.in(STOP).tryLock(atWork)) {
            throw new ErrnoException(Errno.EBUSY, "an access to the guest's memory has not returned in time");
        }
        atWork.unlock();
    }

    /** The current part of a command is completed; the rest of the command is in the state. */
    @Override
    public void stop() throws ErrnoException {
        stopped = true;
        engine.remove(this);
        try {
            awaitPart();
        } catch (ErrnoException e) {
            resume();
            throw e;
        }
    }

    @Override
    public DeviceState save() {
        DeviceState state = DeviceState.version(1);
        for (Word word : SAVED) {
            state = state.with(word.name(), get(word.offset()));
        }
        state = state.with("interrupts", interrupts.save())
                .with("counters", counters.save())
                .with("account", account.save());
        Ring now = ring;
        return now == null ? state : state.with("ring", now.save());
    }

    @Override
    public void restore(DeviceState state) throws ErrnoException {
        stopped = true;
        engine.remove(this);
        for (Word word : SAVED) {
            set(word.offset(), state.number(word.name(), Integer.MIN_VALUE, Integer.MAX_VALUE));
        }
        interrupts.restore(state.section("interrupts"));
        counters.restore(state.section("counters"));
        account.restore(state.section("account"));
        if (state.has("ring")) {
            VfioContext dma = guest;
            if (dma == null) {
                throw new ErrnoException(Errno.EINVAL, "state: a device that is not open has no ring");
            }
            ring = Ring.restore(state.section("ring"), memory.memory(), dma);
        }
    }

    @Override
    public void resume() {
        if (stopped) {
            stopped = false;
            if (guest != null) {
                engine.add(this);
                engine.wake();
            }
        }
    }

    @SuppressWarnings("serial") // never serialized
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
            case CONTROL -> now == null ? 0 : ENABLE;
            case HEAD -> now == null ? 0 : now.head();
            case TAIL -> now == null ? 0 : now.tail();
            case STATUS ->
                // In this order: the end of BUSY follows the report of its cause.
                ((now != null && now.waits()) || atWork.isLocked() ? BUSY : 0) | (get(FAULT_CODE) == 0 ? 0 : FAULTED);
            case INTERRUPT_STATUS -> interrupts.status();
            case INTERRUPT_ENABLE -> interrupts.enabled();
            default -> offset < END ? get(offset) : 0;
        };
    }

    private int get(int offset) {
        return words.get(offset / Integer.BYTES);
    }

    private void set(int offset, int value) {
        words.set(offset / Integer.BYTES, value);
    }

    /** Registers must be written with their full width; narrower writes are ignored. */
    @Override
    public void write(long offset, int size, long value) {
        if (size < 4) {
            return;
        }
        int word = (int) value;
        switch ((int) offset) {
            case RING_BASE_LOW, RING_BASE_HIGH, RING_SLOTS -> set((int) offset, word);
            case CONTROL -> control((word & ENABLE) != 0);
            case TAIL -> doorbell(word);
            case INTERRUPT_STATUS -> interrupts.acknowledge(word);
            case INTERRUPT_ENABLE -> {
                interrupts.enable(word);
                engine.wake();
            }
            default -> {
                // Read-only or reserved.
            }
        }
    }

    /** Enabling clears the last fault; the ring begins at slot 0. */
    private void control(boolean enable) {
        VfioContext dma = guest;
        if (!enable || dma == null) {
            disable();
        } else if (ring == null) {
            set(FAULT_CODE, Fault.Code.NONE.number());
            long base = Integer.toUnsignedLong(get(RING_BASE_LOW)) | (long) get(RING_BASE_HIGH) << 32;
            int slots = get(RING_SLOTS);
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

    /** Whether the engine has work for this vGPU. */
    boolean waits() {
        Ring now = ring;
        return !away && !stopped && !quiescent && now != null && now.waits();
    }

    /** Records how long a step occupied the engine. */
    void took(long nanos) {
        if (!away && !pace.isSlow()) {
            pace.took(nanos);
        }
    }

    /**
     * Executes a part of a command on the engine's thread; an access to a slow guest's memory runs on a separate
     * thread.
     */
    void step(Unit unit) {
        Ring now = ring;
        if (now != null && pace.isSlow() && now.accessesGuest()) {
            away = true;
            engine.access(() -> accessGuest(now, unit));
        } else if (now != null) {
            work(now, () -> {
                if (now.step(unit, counters) instanceof RingCommand.Fence fence) {
                    done(now, fence);
                }
            });
        }
    }

    /** Makes only the memory access; the unit only prepares work for the engine's thread. */
    private void accessGuest(Ring now, Unit unit) {
        long begin = System.nanoTime();
        try {
            work(now, () -> now.accessGuest(unit, counters));
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

    /** Works unless the guest has meanwhile ended the ring, or the device is stopped or quiescent. */
    private void work(Ring now, Part part) {
        atWork.lock();
        try {
            if (ring == now && now.waits() && !stopped && !quiescent) {
                part.run();
            }
        } catch (Fault e) {
            fault(now, e.code());
        } catch (RuntimeException | Error e) { // the engine must keep serving the other vGPUs
            engine.faults().report("a command; its ring is now stopped", e);
            fault(now, Fault.Code.INTERNAL);
        } finally {
            atWork.unlock();
        }
    }

    /** Reports a completed fence, unless the guest has meanwhile replaced the ring. */
    private void done(Ring now, RingCommand.Fence done) {
        if (ring == now) {
            set(FENCE, done.value());
            if (done.frame()) {
                counters.frames().incrementAndGet();
            }
            interrupts.raise(RING_DONE);
        }
    }

    private void fault(Ring now, Fault.Code code) {
        if (ring == now) {
            fault(code, now.head());
        }
        now.stop();
    }

    private void fault(Fault.Code code, int slot) {
        set(FAULT_SLOT, slot);
        set(FAULT_CODE, code.number());
        interrupts.raise(FAULT);
    }

    /** Signals the end of a displayed frame if the guest has enabled it. */
    void vblank() {
        if (!atWork.tryLock()) {
            return; // a reset is in progress, after which the signal is unwanted, or the guest is slow
        }
        try {
            if (wantsVblank() && !stopped) {
                words.incrementAndGet(VBLANK_COUNT / Integer.BYTES);
                interrupts.raise(VBLANK);
            }
        } finally {
            atWork.unlock();
        }
    }

    boolean wantsVblank() {
        return interrupts.isEnabled(VBLANK);
    }
}
