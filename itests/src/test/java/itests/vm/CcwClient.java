package itests.vm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import itests.Patience;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.Charset;
import java.nio.file.Path;
import java.util.List;
import mdev.linux.EventFd;
import mdev.linux.Fd;
import mdev.linux.LinuxException;
import mdev.linux.Mapping;
import mdev.linux.MemFd;

/**
 * A driver of vendor.ccw-sim's devices, written from their data sheet, over vfio-user: what QEMU and an s390 guest are
 * for Linux's vfio_ccw. 64 KiB of its memory, from address 0, are the device's. Not thread-safe.
 */
final class CcwClient implements AutoCloseable {
    static final int MEMORY = 64 << 10;

    /** Where {@link #ccw} and {@link #data} put the program and its data. */
    static final int PROGRAM = 0x100;

    static final int DATA = 0x1000;

    /** Flags of a CCW. */
    static final int CD = 0x80;

    static final int CC = 0x40;
    static final int SLI = 0x20;
    static final int IDA = 0x04;
    static final int SUSPEND = 0x02;
    static final int MIDA = 0x01;

    /** Commands: of the channel, of every device, of the console, and of the disk. */
    static final int TIC = 0x08;

    static final int NOOP = 0x03;
    static final int SENSE = 0x04;
    static final int SENSE_ID = 0xe4;
    static final int PRINT = 0x09;
    static final int INQUIRE = 0x0a;
    static final int DEFINE_EXTENT = 0x63;
    static final int LOCATE = 0x43;
    static final int READ = 0x42;
    static final int WRITE = 0x41;

    /** Device status: channel end and device end. */
    static final int ENDED = 0x0c;

    static final int UNIT_CHECK = 0x02;
    static final int ATTENTION = 0x80;

    /** Subchannel status. */
    static final int PROGRAM_CHECK = 0x20;

    /** Format 1, prefetch, IDAWs of format 2, all paths. */
    static final int ORB = 1 << 23 | 1 << 22 | 1 << 17 | 0xff << 8;

    private static final int IO_REGION = 0;
    private static final int IO_SIZE = 124;
    private static final int IO_IRQ = 0;
    private static final int START = 1 << 14;
    private static final int INTERRUPT_RESPONSE = 24;

    /** {@code VFIO_REGION_TYPE_CCW} and its subtypes. */
    private static final int TYPE = 2;

    static final int ASYNC_CMD = 1;
    static final int SCHIB = 2;
    static final int CRW = 3;

    /** Words of {@code struct vfio_region_info}, and of the type in the chain after it. */
    private static final int REGION_INFO = 8;

    private static final int TYPED = 2;

    private static final Charset EBCDIC = Charset.forName("IBM1047");
    private static final ValueLayout.OfInt WORD = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);
    private static final ValueLayout.OfLong DOUBLEWORD =
            ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);

    private final WireClient client;
    private final Fd file;
    private final Arena arena = Arena.ofConfined();
    private final MemorySegment memory;
    private final EventFd interrupt;
    private int next = PROGRAM;

    /**
     * What an interrupt reports.
     *
     * @param device the device status
     * @param subchannel the subchannel status
     * @param count the residual count
     */
    record Status(int device, int subchannel, int count) {}

    /** Opens the device of the socket. */
    CcwClient(Path socket) throws LinuxException {
        client = WireClient.connect(socket);
        file = MemFd.create("s390", MEMORY);
        memory = Mapping.map(file, 0, MEMORY, Mapping.Protection.READ_WRITE, Mapping.Sharing.SHARED, arena);
        client.map(file, 0, MEMORY);
        interrupt = EventFd.create();
        client.listen(interrupt.fd(), IO_IRQ, 0);
    }

    WireClient wire() {
        return client;
    }

    /** The region with a type of CCW devices, which has no fixed index. */
    int region(int subtype) throws LinuxException {
        int regions = client.info().get(2);
        for (int index = 0; index < regions; index++) {
            List<Integer> info = client.regionInfo(index);
            if (info.size() > REGION_INFO
                    && info.subList(REGION_INFO + TYPED, info.size()).equals(List.of(TYPE, subtype))) {
                return index;
            }
        }
        throw new AssertionError("no region of subtype " + subtype);
    }

    /** Appends a CCW to the program that the next start starts. */
    CcwClient ccw(int command, int flags, int count, int address) {
        memory.set(WORD, next, command << 24 | flags << 16 | count);
        memory.set(WORD, next + 4, address);
        next += 8;
        return this;
    }

    CcwClient data(int address, byte... bytes) {
        MemorySegment.copy(bytes, 0, memory, ValueLayout.JAVA_BYTE, address, bytes.length);
        return this;
    }

    CcwClient idaws(int address, long... list) {
        MemorySegment.copy(list, 0, memory, DOUBLEWORD, address, list.length);
        return this;
    }

    byte[] data(int address, int length) {
        return memory.asSlice(address, length).toArray(ValueLayout.JAVA_BYTE);
    }

    String text(int length) {
        return new String(data(DATA, length), EBCDIC);
    }

    /** A program that prints a line. */
    CcwClient print(String line) {
        byte[] bytes = line.getBytes(EBCDIC);
        return data(DATA, bytes).ccw(PRINT, 0, bytes.length, DATA);
    }

    /** A program that reads a line of at most 80 characters. */
    CcwClient inquire() {
        return ccw(INQUIRE, SLI, 80, DATA);
    }

    /** A program that reads or writes a block at an address. */
    CcwClient block(int command, int block, int address) {
        boolean reads = command == READ;
        byte[] extent = ByteBuffer.allocate(16)
                .put((byte) (reads ? 0x40 : 0))
                .putInt(4, block)
                .array();
        byte[] locate = ByteBuffer.allocate(8)
                .put((byte) (reads ? 6 : 1))
                .putShort(2, (short) 1)
                .array();
        return data(DATA, extent)
                .data(DATA + 16, locate)
                .ccw(DEFINE_EXTENT, CC, 16, DATA)
                .ccw(LOCATE, CC, 8, DATA + 16)
                .ccw(command, 0, 512, address);
    }

    /** Changes the last CCW: a flag, and the address. */
    CcwClient flag(int flag, int address) {
        int last = next - 8;
        memory.set(WORD, last, memory.get(WORD, last) | flag << 16);
        memory.set(WORD, last + 4, address);
        return this;
    }

    /** Starts the program; returns 0, or the errno. */
    int tryStart(int orb, int address) throws LinuxException {
        next = PROGRAM;
        byte[] region = ByteBuffer.allocate(IO_SIZE)
                .putInt(4, orb)
                .putInt(8, address)
                .putInt(12, START)
                .array();
        return client.tryWrite(IO_REGION, 0, region);
    }

    void start() throws LinuxException {
        assertEquals(0, tryStart(ORB, PROGRAM));
    }

    /** Waits for the I/O interrupt, and reads its status: the next comes after that. */
    Status interrupted() throws LinuxException {
        assertTrue(interrupt.await(Patience.TIME), "an interrupt");
        assertEquals(1, interrupt.read(), "interrupts");
        ByteBuffer irb = ByteBuffer.wrap(client.read(IO_REGION, INTERRUPT_RESPONSE, 96));
        return new Status(irb.get(8) & 0xff, irb.get(9) & 0xff, Short.toUnsignedInt(irb.getShort(10)));
    }

    /** Runs the program to its end. */
    Status run() throws LinuxException {
        start();
        return interrupted();
    }

    /** Runs the program, which ends normally. */
    void complete() throws LinuxException {
        assertEquals(new Status(ENDED, 0, 0), run());
    }

    /** Whether no interrupt has come. */
    boolean isQuiet() {
        return interrupt.read() == 0;
    }

    @Override
    public void close() {
        client.close();
        interrupt.close();
        arena.close();
        file.close();
    }
}
