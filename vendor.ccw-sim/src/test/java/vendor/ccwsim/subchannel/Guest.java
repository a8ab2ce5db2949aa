package vendor.ccwsim.subchannel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.charset.Charset;
import java.util.UUID;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.MapDma;
import mdev.api.vfio.SetIrqs;
import mdev.api.vfio.UserMemory;
import mdev.api.vfio.VfioCcw;
import mdev.api.vfio.VfioDevice;
import org.junit.jupiter.api.function.Executable;
import vendor.ccwsim.channel.Irb;
import vendor.ccwsim.channel.Orb;
import vendor.ccwsim.channel.Schib;
import vendor.ccwsim.channel.Scsw;
import vfio.mdev.CorePlatform;
import vfio.mdev.OpenedDevice;

/** The user of a device: what QEMU is for an s390 guest, with 64 KiB of the guest's memory at address 0. */
final class Guest implements AutoCloseable {
    static final Charset EBCDIC = Charset.forName("IBM1047");
    static final int MEMORY = 64 << 10;
    static final int ASYNC_CMD_REGION = 1;
    static final int SCHIB_REGION = 2;
    static final int CRW_REGION = 3;
    static final int HALT = 1;
    static final int CLEAR = 2;

    /** Flags of a CCW. */
    static final int CHAIN_COMMAND = 0x40;

    static final int SUPPRESS_LENGTH = 0x20;
    static final int PCI = 0x08;

    private static final ValueLayout.OfInt WORD = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);
    private static final ValueLayout.OfShort HALF = ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.BIG_ENDIAN);
    private static final ValueLayout.OfInt HOST = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final int PROGRAM = 0x100;

    final MemorySegment memory = Arena.global().allocate(MEMORY, 4096);
    final OpenedDevice open;
    private final LinkedBlockingQueue<Integer> signals = new LinkedBlockingQueue<>();
    private final LinkedBlockingQueue<Integer> reports = new LinkedBlockingQueue<>();
    private int ccws;

    Guest(CorePlatform platform, UUID uuid) throws ErrnoException {
        open = OpenedDevice.open(platform.vfio, platform.group(uuid), uuid.toString(), "a guest");
        open.container().ioctl(new MapDma(MapDma.READ | MapDma.WRITE, new UserMemory.Local(memory), 0, MEMORY));
        device().ioctl(SetIrqs.arm(VfioCcw.IO_IRQ, 0, () -> signals.add(VfioCcw.IO_IRQ)));
        device().ioctl(SetIrqs.arm(VfioCcw.CRW_IRQ, 0, () -> reports.add(VfioCcw.CRW_IRQ)));
    }

    VfioDevice device() {
        return open.device();
    }

    /** Appends a CCW of format 1 to the program that {@link #start()} starts. */
    Guest ccw(int command, int flags, int count, int address) {
        int at = PROGRAM + 8 * ccws++;
        memory.set(WORD, at, command << 24 | flags << 16 | count);
        memory.set(WORD, at + 4, address);
        return this;
    }

    Guest put(int address, byte... bytes) {
        MemorySegment.copy(bytes, 0, memory, ValueLayout.JAVA_BYTE, address, bytes.length);
        return this;
    }

    Guest word(int address, int value) {
        memory.set(WORD, address, value);
        return this;
    }

    Guest half(int address, int value) {
        memory.set(HALF, address, (short) value);
        return this;
    }

    byte[] get(int address, int length) {
        return memory.asSlice(address, length).toArray(ValueLayout.JAVA_BYTE);
    }

    /** Starts the appended program. */
    void start() throws ErrnoException {
        ccws = 0;
        start(PROGRAM);
    }

    void start(int cpa) throws ErrnoException {
        write(new Orb(0, Orb.FMT | Orb.PFCH | Orb.C64 | 0xff << 8, cpa), Scsw.FCTL_START_FUNC);
    }

    /** Writes the I/O region, as QEMU does, as a whole. */
    void write(Orb orb, int fctl) throws ErrnoException {
        MemorySegment region = MemorySegment.ofArray(new byte[124]);
        orb.write(region, 0);
        new Scsw(Scsw.control(0, fctl, 0, 0), 0, 0, 0, 0).write(region, 12);
        device().write(VfioCcw.CONFIG_REGION, 0, region, 0, 124);
    }

    void async(int command) throws ErrnoException {
        MemorySegment region = MemorySegment.ofArray(new byte[8]);
        region.set(HOST, 0, command);
        device().write(ASYNC_CMD_REGION, 0, region, 0, 8);
    }

    int retCode(int region) throws ErrnoException {
        MemorySegment code = MemorySegment.ofArray(new byte[4]);
        device().read(region, region == VfioCcw.CONFIG_REGION ? 120 : 4, code, 0, 4);
        return code.get(HOST, 0);
    }

    Schib schib() throws ErrnoException {
        MemorySegment region = MemorySegment.ofArray(new byte[52]);
        device().read(SCHIB_REGION, 0, region, 0, 52);
        return Schib.read(region, 0);
    }

    /** Waits for the I/O interrupt, and reads its status. */
    Scsw interrupted() throws Exception {
        assertNotNull(signals.poll(1, TimeUnit.MINUTES), "no interrupt");
        return status();
    }

    /** Waits for the CRW interrupt. */
    void reported() throws InterruptedException {
        assertNotNull(reports.poll(1, TimeUnit.MINUTES), "no interrupt");
    }

    /** Reads a channel report word. */
    int report() throws ErrnoException {
        MemorySegment region = MemorySegment.ofArray(new byte[8]);
        device().read(CRW_REGION, 0, region, 0, 8);
        return region.get(WORD, 0);
    }

    /** Reads the status in the I/O region. */
    Scsw status() throws ErrnoException {
        MemorySegment region = MemorySegment.ofArray(new byte[124]);
        device().read(VfioCcw.CONFIG_REGION, 0, region, 0, 124);
        return Irb.read(region, 24).scsw();
    }

    /** Whether all interrupts have been waited for. */
    boolean quiet() {
        return signals.isEmpty();
    }

    /** Runs the appended program to its end. */
    Scsw run() throws Exception {
        start();
        return interrupted();
    }

    static void refused(Errno errno, Executable call) {
        ErrnoException refusal = assertThrows(ErrnoException.class, call);
        assertEquals(errno, refusal.errno(), refusal.getMessage());
    }

    @Override
    public void close() {
        open.close();
    }
}
