package itests;

import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertTrue;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.GetRegionInfo;
import mdev.api.vfio.IoctlReply;
import mdev.api.vfio.MapDma;
import mdev.api.vfio.RegionInfo;
import mdev.api.vfio.RemoteAccess;
import mdev.api.vfio.Reset;
import mdev.api.vfio.SetIrqs;
import mdev.api.vfio.UserMemory;
import mdev.api.vfio.Vfio;
import mdev.api.vfio.VfioContainer;
import mdev.api.vfio.VfioDevice;
import mdev.api.vfio.VfioGroup;
import mdev.api.vfio.VfioPci;
import mdev.linux.EventFd;
import mdev.linux.Fd;
import mdev.linux.LinuxException;
import mdev.linux.Mapping;

/**
 * A driver of vendor.gpu-sim's engine, written from its data sheet, in a user of the VFIO API with its own memory and
 * eventfds. Not thread-safe.
 */
final class GpuClient implements AutoCloseable {
    static final int ID = 0x00;
    static final int VERSION = 0x04;
    static final int MEMORY_SIZE = 0x08;
    static final int RING_BASE = 0x10;
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

    static final int ENABLE = 1;
    static final int BUSY = 1;
    static final int FAULTED = 2;

    /** Interrupts: MSI-X vectors, and bits of the interrupt registers. */
    static final int RING_DONE = 0;

    static final int FAULT = 1;
    static final int VBLANK = 2;
    private static final int VECTORS = 3;

    /** Values of FAULT_CODE. */
    static final int DMA = 4;

    private static final int COMMAND = 0x04;
    private static final int COMMAND_MASTER = 0x4;

    /** The offset of the only capability. */
    private static final int MSIX_CONTROL = 0x42;

    private static final int MSIX_ENABLE = 0x8000;

    static final int SLOT = 64;
    static final int SLOTS = 1 << 14;

    /** The bus address of the ring; the buffer follows it. Above 4 GiB, so that both halves of an address matter. */
    static final long RING = 0x2_0000_0000L;

    static final int BUFFER_SIZE = 8 << 20;
    static final long BUFFER = RING + (long) SLOTS * SLOT;

    static final ValueLayout.OfInt NUMBER = JAVA_INT_UNALIGNED.withOrder(LITTLE_ENDIAN);
    private static final int ALL = MapDma.READ | MapDma.WRITE;

    private final VfioContainer container;
    private final VfioGroup group;
    private final List<EventFd> vectors = new ArrayList<>();
    private final MemorySegment memory;
    private final MemorySegment frameBuffer;
    private int tail;

    final VfioDevice device;

    /** @param number the group of the vGPU */
    GpuClient(Vfio vfio, int number, String uuid) throws ErrnoException, LinuxException {
        container = vfio.openContainer();
        group = vfio.openGroup(number, "GpuClient");
        group.setContainer(container);
        container.setIommu(VfioContainer.TYPE1V2_IOMMU);
        device = group.getDevice(uuid);
        memory = map(RING, (long) SLOTS * SLOT + BUFFER_SIZE, ALL);
        frameBuffer = mapFrameBuffer();
        for (int vector = 0; vector < VECTORS; vector++) {
            EventFd eventfd = EventFd.create(); // closed in close()
            vectors.add(eventfd);
            device.ioctl(SetIrqs.arm(VfioPci.MSIX_IRQ, vector, eventfd::signal));
        }
        probe();
    }

    /** The initialization of a driver: pci_set_master(), pci_enable_msix(). */
    private void probe() throws ErrnoException {
        config(COMMAND, COMMAND_MASTER);
        config(MSIX_CONTROL, MSIX_ENABLE);
    }

    private void config(int register, int value) throws ErrnoException {
        byte[] data = {(byte) value, (byte) (value >>> 8)};
        device.write(VfioPci.CONFIG_REGION, register, MemorySegment.ofArray(data), 0, data.length);
    }

    /** Maps memory of this process for the device. */
    MemorySegment map(long iova, long size, int flags) throws ErrnoException {
        MemorySegment made = Arena.ofAuto().allocate(size, 4096);
        map(iova, size, flags, new UserMemory.Local(made));
        return made;
    }

    /** Maps memory that the device accesses through calls of this process. */
    void map(long iova, long size, RemoteAccess access) throws ErrnoException {
        map(iova, size, ALL, new UserMemory.Remote(0, access));
    }

    private void map(long iova, long size, int flags, UserMemory user) throws ErrnoException {
        assertEquals(IoctlReply.DONE, container.ioctl(new MapDma(flags, user, iova, size)));
    }

    private MemorySegment mapFrameBuffer() throws ErrnoException, LinuxException {
        RegionInfo info = (RegionInfo) device.ioctl(new GetRegionInfo(VfioPci.BAR0_REGION));
        try (Fd file = Fd.adopt(device.regionFd(VfioPci.BAR0_REGION))) {
            return Mapping.map(
                    file, 0, info.size(), Mapping.Protection.READ_WRITE, Mapping.Sharing.SHARED, Arena.ofAuto());
        }
    }

    /** The memory allocated to the frame buffer, in units of 512 bytes. */
    long frameBufferBlocks() throws ErrnoException, LinuxException {
        try (Fd file = Fd.adopt(device.regionFd(VfioPci.BAR0_REGION))) {
            return file.stat().blocks();
        }
    }

    /** The mapped frame buffer; valid even after the device is closed. */
    MemorySegment frameBuffer() {
        return frameBuffer;
    }

    /** The memory at {@link #BUFFER}; valid even after the device is closed. */
    MemorySegment buffer() {
        return memory.asSlice(BUFFER - RING);
    }

    /** The frame buffer read by region accesses. */
    byte[] readFrameBuffer() throws ErrnoException {
        var data = new byte[(int) frameBuffer.byteSize()];
        device.read(VfioPci.BAR0_REGION, 0, MemorySegment.ofArray(data), 0, data.length);
        return data;
    }

    int read(int register) throws ErrnoException {
        var data = MemorySegment.ofArray(new byte[Integer.BYTES]);
        device.read(VfioPci.BAR4_REGION, register, data, 0, Integer.BYTES);
        return data.get(NUMBER, 0);
    }

    void write(int register, int value) throws ErrnoException {
        var data = MemorySegment.ofArray(new byte[Integer.BYTES]);
        data.set(NUMBER, 0, value);
        device.write(VfioPci.BAR4_REGION, register, data, 0, Integer.BYTES);
    }

    /** Starts the client's ring, with messages for fences and faults. */
    void enable() throws Exception {
        enable(RING);
    }

    /** Starts a ring at any address. */
    void enable(long base) throws Exception {
        write(CONTROL, 0);
        awaitIdle();
        write(RING_BASE, (int) base);
        write(RING_BASE + 4, (int) (base >>> 32));
        write(RING_SLOTS, SLOTS);
        write(INTERRUPT_ENABLE, 1 << RING_DONE | 1 << FAULT);
        write(CONTROL, ENABLE);
        tail = 0;
    }

    /** Fills slots and rings the doorbell once; the ring must have room. */
    void submit(GpuCommand... commands) throws ErrnoException {
        submit(List.of(commands));
    }

    void submit(List<GpuCommand> commands) throws ErrnoException {
        for (GpuCommand command : commands) {
            MemorySegment slot = memory.asSlice((long) tail * SLOT, SLOT).fill((byte) 0);
            for (int i = 0; i < command.numbers().size(); i++) {
                slot.setAtIndex(NUMBER, i, command.numbers().get(i));
            }
            tail = (tail + 1) % SLOTS;
        }
        write(TAIL, tail);
    }

    boolean is(int status) throws ErrnoException {
        return (read(STATUS) & status) != 0;
    }

    void awaitIdle() throws Exception {
        Wait.until("the engine is not busy", () -> !is(BUSY));
    }

    void awaitFence(int value) throws Exception {
        Wait.until("FENCE is " + value, () -> read(FENCE) == value);
    }

    /** Waits for the message and consumes it. */
    void awaitMessage(int vector) throws LinuxException {
        assertTrue("the message of vector " + vector, vectors.get(vector).await(Patience.TIME));
        assertEquals("messages of vector " + vector, 1, messages(vector));
    }

    /** The number of messages since the last call. */
    long messages(int vector) {
        return vectors.get(vector).read();
    }

    void reset() throws ErrnoException {
        assertEquals(IoctlReply.DONE, device.ioctl(new Reset()));
        probe();
    }

    /** Closes all files; mappings stay. */
    @Override
    public void close() {
        device.close();
        group.close();
        container.close();
        vectors.forEach(EventFd::close);
    }
}
