package vendor.gpusim.engine;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.nio.ByteOrder.LITTLE_ENDIAN;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.function.BooleanSupplier;
import java.util.function.Function;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.state.DeviceState;
import mdev.api.vfio.Reset;
import mdev.api.vfio.VfioContext;
import mdev.api.vfio.VfioPci;
import mdev.device.SharedMemory;
import mdev.pci.Bar;
import mdev.pci.Capability;
import mdev.pci.Interrupts;
import mdev.pci.PciDevice;
import mdev.pci.PciFunction;

/** A guest's driver: the client library of the data sheet, on a machine with an array as memory. */
final class Guest implements VfioContext, AutoCloseable {
    static final int RING_SLOTS = 8;

    /** The bus address of the guest's memory. */
    static final long BUS = 0x1_0000_0000L;

    /** After the ring in the guest's memory. */
    static final int BUFFER = RING_SLOTS * Decoder.SLOT;

    static final ValueLayout.OfFloat FLOAT = JAVA_FLOAT_UNALIGNED.withOrder(LITTLE_ENDIAN);
    static final ValueLayout.OfInt NUMBER = JAVA_INT_UNALIGNED.withOrder(LITTLE_ENDIAN);
    private static final int COMMAND = 0x04;
    private static final int COMMAND_MASTER = 0x4;

    /** The offset of the only capability. */
    private static final int MSIX_CONTROL = 0x42;

    private static final int MSIX_ENABLE = 0x8000;
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    private static final class Device extends PciDevice {
        private final EngineRegisters registers;

        Device(PciFunction function, SharedMemory memory, Function<Interrupts, EngineRegisters> maker) {
            var made = new EngineRegisters[1];
            super(function, interrupts -> {
                made[0] = maker.apply(interrupts);
                return List.of(memory, made[0]);
            });
            this.registers = made[0];
        }
    }

    final MemorySegment frameBuffer;
    final MemorySegment memory;
    EngineCounters counters = new EngineCounters();
    final AtomicIntegerArray interrupts = new AtomicIntegerArray(EngineRegisters.VECTORS);
    EngineRegisters registers;

    /** Runs at each access to the guest's memory. */
    volatile Runnable atAccess = () -> {};

    private final double share;
    private Device device;
    private int tail;
    private int fences;

    Guest(Engine engine, int frameBufferSize, int memorySize, double share) throws ErrnoException {
        frameBuffer = MemorySegment.ofArray(new byte[frameBufferSize]);
        memory = MemorySegment.ofArray(new byte[memorySize]);
        this.share = share;
        device = device(engine);
        registers = device.registers;
        device.open(this);
        probe();
    }

    private Device device(Engine engine) {
        var bar = Bar.memory(0, frameBuffer.byteSize());
        var shared = bar.sharedMemory();
        var function = PciFunction.of(1, 2)
                .bar(bar)
                .bar(Bar.memory(4, EngineRegisters.SIZE))
                .capability(new Capability.MsiX(
                        EngineRegisters.VECTORS, 4, EngineRegisters.MSIX_TABLE, 4, EngineRegisters.MSIX_PENDING))
                .build();
        EngineCounters counted = counters;
        return new Device(function, shared, irqs -> new EngineRegisters(engine, shared, irqs, counted, share));
    }

    /** The state of the device, which is then stopped. */
    DeviceState save() throws ErrnoException {
        device.stop();
        return device.save();
    }

    void quiesce() throws ErrnoException {
        device.quiesce();
    }

    void unquiesce() throws ErrnoException {
        device.unquiesce();
    }

    void resume() throws ErrnoException {
        device.resume();
    }

    /** Continues with another device, which gets the state of the stopped one, as in an update of its driver. */
    void replace(Engine engine, DeviceState state) throws ErrnoException {
        device.release();
        counters = new EngineCounters();
        device = device(engine);
        registers = device.registers;
        device.open(this);
        device.restore(state);
        device.resume();
    }

    /** The initialization of a driver: pci_set_master(), pci_enable_msix(). */
    private void probe() throws ErrnoException {
        busMaster(true);
        config(MSIX_CONTROL, MSIX_ENABLE);
    }

    void busMaster(boolean set) throws ErrnoException {
        config(COMMAND, set ? COMMAND_MASTER : 0);
    }

    private void config(int register, int value) throws ErrnoException {
        byte[] data = {(byte) value, (byte) (value >>> 8)};
        device.write(VfioPci.CONFIG_REGION, register, MemorySegment.ofArray(data), 0, 2);
    }

    int read(int register) throws ErrnoException {
        var data = MemorySegment.ofArray(new byte[4]);
        device.read(VfioPci.BAR4_REGION, register, data, 0, 4);
        return data.get(NUMBER, 0);
    }

    void write(int register, int value) throws ErrnoException {
        var data = MemorySegment.ofArray(new byte[4]);
        data.set(NUMBER, 0, value);
        device.write(VfioPci.BAR4_REGION, register, data, 0, 4);
    }

    /** Creates a ring at the beginning of the guest's memory and enables all interrupts except vblank. */
    void enable() throws ErrnoException {
        enable(BUS, RING_SLOTS);
    }

    void enable(long base, int slots) throws ErrnoException {
        write(EngineRegisters.CONTROL, 0);
        write(EngineRegisters.RING_BASE_LOW, (int) base);
        write(EngineRegisters.RING_BASE_HIGH, (int) (base >>> 32));
        write(EngineRegisters.RING_SLOTS, slots);
        write(EngineRegisters.INTERRUPT_ENABLE, 1 << EngineRegisters.RING_DONE | 1 << EngineRegisters.FAULT);
        write(EngineRegisters.CONTROL, EngineRegisters.ENABLE);
        tail = 0;
    }

    /** Writes a command into the next free slot and rings the doorbell. */
    void submit(int... numbers) throws ErrnoException {
        int next = (tail + 1) % RING_SLOTS;
        await("a free slot", () -> register(EngineRegisters.HEAD) != next);
        for (int i = 0; i < Decoder.SLOT / 4; i++) {
            memory.set(NUMBER, (long) tail * Decoder.SLOT + 4L * i, i < numbers.length ? numbers[i] : 0);
        }
        tail = next;
        write(EngineRegisters.TAIL, tail);
    }

    /**
     * Another user of the same vGPU, after {@link #close}, with the same memory. The framework never reuses memory, but
     * the test can inspect it this way.
     */
    void open() throws ErrnoException {
        device.open(this);
    }

    /** Waits until all submitted commands are complete. */
    void finish() throws ErrnoException {
        int fence = ++fences;
        submit(8, fence);
        await("fence " + fence, () -> register(EngineRegisters.FENCE) == fence);
    }

    Fault.Code awaitFault() throws ErrnoException {
        await("a fault", () -> (register(EngineRegisters.STATUS) & EngineRegisters.FAULTED) != 0);
        int code = read(EngineRegisters.FAULT_CODE);
        return Arrays.stream(Fault.Code.values())
                .filter(candidate -> candidate.number() == code)
                .findFirst()
                .orElseThrow();
    }

    /** Resets the function as a VFIO user does, and initializes it again as a driver does. */
    void reset() throws ErrnoException {
        device.ioctl(new Reset());
        probe();
    }

    /** Waits until the engine has reached the command in a slot or a later one. */
    void awaitHead(int slot) {
        await("HEAD " + slot, () -> register(EngineRegisters.HEAD) >= slot);
    }

    boolean busy() {
        return (register(EngineRegisters.STATUS) & EngineRegisters.BUSY) != 0;
    }

    /** Whether the message of an interrupt is pending but masked. */
    boolean isPending(int interrupt) {
        return (register(EngineRegisters.MSIX_PENDING) & 1 << interrupt) != 0;
    }

    private int register(int register) {
        try {
            return read(register);
        } catch (ErrnoException e) {
            throw new AssertionError(e);
        }
    }

    static void await(String what, BooleanSupplier condition) {
        long end = System.nanoTime() + PATIENCE.toNanos();
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() > end) {
                throw new AssertionError("not in time: " + what);
            }
            Thread.onSpinWait();
        }
    }

    @Override
    public void close() {
        device.release();
    }

    @Override
    public MemorySegment regionMemory(int region, long size) {
        return frameBuffer;
    }

    @Override
    public boolean armed(int index, int vector) {
        return index == VfioPci.MSIX_IRQ;
    }

    @Override
    public void trigger(int index, int vector) {
        interrupts.incrementAndGet(vector);
    }

    @Override
    public void setIntx(boolean high) {}

    @Override
    public void dmaRead(long iova, MemorySegment data, long offset, long length) throws ErrnoException {
        MemorySegment.copy(memory, inside(iova, length), data, offset, length);
    }

    @Override
    public void dmaWrite(long iova, MemorySegment data, long offset, long length) throws ErrnoException {
        MemorySegment.copy(data, offset, memory, inside(iova, length), length);
    }

    private long inside(long iova, long length) throws ErrnoException {
        atAccess.run();
        if (iova < BUS || iova - BUS > memory.byteSize() - length) {
            throw new ErrnoException(Errno.EINVAL);
        }
        return iova - BUS;
    }
}
