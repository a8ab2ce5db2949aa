package itests;

import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.nio.ByteOrder.LITTLE_ENDIAN;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.concurrent.atomic.AtomicIntegerArray;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.MapDma;
import mdev.api.vfio.Reset;
import mdev.api.vfio.SetIrqs;
import mdev.api.vfio.UserMemory;
import mdev.api.vfio.Vfio;
import mdev.api.vfio.VfioContainer;
import mdev.api.vfio.VfioDevice;
import mdev.api.vfio.VfioGroup;
import mdev.api.vfio.VfioPci;

/** A driver of the engine of a vGPU (data sheet: {@code vendor.gpu-sim/README.md}), as a user of the VFIO API with memory of its own behind the IOMMU. */
final class GpuClient implements AutoCloseable {
    static final ValueLayout.OfInt NUMBER = JAVA_INT_UNALIGNED.withOrder(LITTLE_ENDIAN);

    static final int FENCE = 0x28;
    static final int STATUS = 0x2c;
    static final int FAULT_CODE = 0x30;
    static final int INTERRUPT_STATUS = 0x40;
    static final int BUSY = 1;
    static final int FAULTED = 2;

    static final int FENCE_DONE = 0;
    static final int FAULT = 1;

    /** Where the memory is on the bus: the ring at its begin, a buffer behind it. */
    static final long BUS = 0x1_0000_0000L;

    static final int BUFFER = 4096;

    /** A page that the device may read only. */
    static final long READ_ONLY = 0x2_0000_0000L;

    private static final int SLOTS = 8;
    private static final int SLOT = 64;
    private static final int SIZE = 1 << 16;

    final MemorySegment memory = Arena.ofAuto().allocate(SIZE, 4096);
    final AtomicIntegerArray interrupts = new AtomicIntegerArray(3);
    private final VfioContainer container;
    private final VfioGroup group;
    private VfioDevice device;
    private int tail;
    private int fence;

    GpuClient(Vfio vfio, Tree tree, String uuid) throws ErrnoException {
        container = vfio.openContainer();
        group = vfio.openGroup(tree.group(uuid), "GpuClient");
        group.setContainer(container);
        container.setIommu(VfioContainer.TYPE1V2_IOMMU);
        container.ioctl(new MapDma(MapDma.READ | MapDma.WRITE, new UserMemory.Local(memory), BUS, SIZE));
        var page = new UserMemory.Local(Arena.ofAuto().allocate(4096, 4096));
        container.ioctl(new MapDma(MapDma.READ, page, READ_ONLY, 4096));
        device = group.getDevice(uuid);
        arm();
    }

    private void arm() throws ErrnoException {
        for (int vector = 0; vector < interrupts.length(); vector++) {
            int number = vector;
            device.ioctl(SetIrqs.arm(VfioPci.MSIX_IRQ, vector, () -> interrupts.incrementAndGet(number)));
        }
    }

    /** Closes the device and opens it again: another user, as far as it can tell. */
    void reopen(String uuid) throws ErrnoException {
        device.close();
        device = group.getDevice(uuid);
        arm();
    }

    void reset() throws ErrnoException {
        device.ioctl(new Reset());
    }

    int read(int register) throws ErrnoException {
        return frameBuffer(VfioPci.BAR4_REGION, register);
    }

    /** A number of the frame buffer, or of another region. */
    int frameBuffer(int region, long offset) throws ErrnoException {
        var data = MemorySegment.ofArray(new byte[4]);
        device.read(region, offset, data, 0, 4);
        return data.get(NUMBER, 0);
    }

    byte[] frameBuffer(int size) throws ErrnoException {
        byte[] data = new byte[size];
        device.read(VfioPci.BAR0_REGION, 0, MemorySegment.ofArray(data), 0, size);
        return data;
    }

    void write(int register, int value) throws ErrnoException {
        var data = MemorySegment.ofArray(new byte[4]);
        data.set(NUMBER, 0, value);
        device.write(VfioPci.BAR4_REGION, register, data, 0, 4);
    }

    void enable(long ring) throws ErrnoException {
        write(0x1c, 0);
        write(0x10, (int) ring);
        write(0x14, (int) (ring >>> 32));
        write(0x18, SLOTS);
        write(0x44, 1 << FENCE_DONE | 1 << FAULT);
        write(0x1c, 1);
        tail = 0;
    }

    /** There is a slot: a test begins with an empty ring and has no more commands at once. */
    void submit(int... numbers) throws ErrnoException {
        for (int i = 0; i < SLOT / 4; i++) {
            memory.set(NUMBER, (long) tail * SLOT + 4L * i, i < numbers.length ? numbers[i] : 0);
        }
        tail = (tail + 1) % SLOTS;
        write(0x24, tail);
    }

    /** Waits until all that was submitted is done. */
    void finish() throws Exception {
        int value = ++fence;
        submit(8, value);
        Wait.until("fence " + value, () -> read(FENCE) == value);
    }

    int awaitFault() throws Exception {
        Wait.until("a fault", () -> (read(STATUS) & FAULTED) != 0);
        return read(FAULT_CODE);
    }

    /** Matrices of 512 x 3072 and 3072 x 512 numbers, five times: some seconds of work. The numbers are in the upper 7 MiB of 8. */
    void submitLong() throws ErrnoException {
        for (int i = 0; i < 5; i++) {
            submit(7 | 4 << 8, 0, 512, 512, 0, 0, 3072, 0, 1 << 20, 0, 1 << 20, 0);
        }
    }

    @Override
    public void close() {
        device.close();
        group.close();
        container.close();
    }
}
