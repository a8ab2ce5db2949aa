package mdev.pci;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.DeviceInfo;
import mdev.api.vfio.GetInfo;
import mdev.api.vfio.GetIrqInfo;
import mdev.api.vfio.GetRegionInfo;
import mdev.api.vfio.GetRegionIoEvents;
import mdev.api.vfio.IoEvent;
import mdev.api.vfio.IoctlReply;
import mdev.api.vfio.IoctlRequest;
import mdev.api.vfio.IrqInfo;
import mdev.api.vfio.RegionCapability.Area;
import mdev.api.vfio.RegionInfo;
import mdev.api.vfio.RegionIoEvents;
import mdev.api.vfio.Reset;
import mdev.api.vfio.SetIrqs;
import mdev.device.Registers;
import mdev.pci.PciFunction.Pin;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Who gets an access, in which pieces, and what every device answers alike. */
class PciDeviceTest {
    /** Registers that write down what reaches them; a read gives the offsets of its bytes. */
    private static final class Log implements Registers {
        final List<String> accesses = new ArrayList<>();
        private final int width;

        Log(int width) {
            this.width = width;
        }

        @Override
        public long read(long offset, int size) {
            accesses.add("r" + size + "@" + offset);
            long value = 0;
            for (int i = 0; i < size; i++) {
                value |= (offset + i & 0xff) << (8 * i);
            }
            return value;
        }

        @Override
        public void write(long offset, int size, long value) {
            accesses.add("w" + size + "@" + offset + "=" + Long.toHexString(value));
        }

        @Override
        public int width() {
            return width;
        }

        @Override
        public void reset() {
            accesses.add("reset");
        }
    }

    private static final PciFunction FUNCTION = PciFunction.of(1, 2)
            .interruptPin(Pin.INTA)
            .hiddenMsi(2)
            .bar(Bar.io(0, 16))
            .bar(Bar.memory(3, 32))
            .build();

    private final Log narrow = new Log(4);
    private final Log wide = new Log(8);
    private final TestDevice device = new TestDevice(FUNCTION, interrupts -> List.of(narrow, wide));

    @ParameterizedTest(name = "{1} bytes at {0}: {2}, 8 bytes wide: {3}")
    @CsvSource({
        "0, 1, r1@0, r1@0",
        "0, 2, r2@0, r2@0",
        "0, 4, r4@0, r4@0",
        "0, 8, r4@0 r4@4, r8@0",
        "4, 8, r4@4 r4@8, r4@4 r4@8",
        "1, 7, r1@1 r2@2 r4@4, r1@1 r2@2 r4@4",
        "0, 3, r2@0 r1@2, r2@0 r1@2",
        "3, 4, r1@3 r2@4 r1@6, r1@3 r2@4 r1@6",
        "2, 6, r2@2 r4@4, r2@2 r4@4",
        "15, 1, r1@15, r1@15",
        "0, 16, r4@0 r4@4 r4@8 r4@12, r8@0 r8@8",
    })
    void cutsAccessesIntoAlignedPieces(long offset, int length, String pieces, String widePieces)
            throws ErrnoException {
        var expected = new StringBuilder();
        for (int i = 0; i < length; i++) {
            expected.append("%02x".formatted(offset + i));
        }
        assertEquals(expected.toString(), device.read(0, offset, length));
        assertEquals(pieces, String.join(" ", narrow.accesses));
        assertEquals(expected.toString(), device.read(3, offset, length));
        assertEquals(widePieces, String.join(" ", wide.accesses));
    }

    @Test
    void writesAreCutAlikeAndZeroExtended() throws ErrnoException {
        device.write(3, 1, "ff0201fffefdfc" + "f8f7f6f5f4f3f2f1");
        assertEquals(List.of("w1@1=ff", "w2@2=102", "w4@4=fcfdfeff", "w8@8=f1f2f3f4f5f6f7f8"), wide.accesses);
    }

    @ParameterizedTest(name = "region {0} offset {1} length {2}")
    @CsvSource({
        "0, 16, 1",
        "0, 15, 2",
        "0, 0, 17",
        "0, 9223372036854775807, 1",
        "0, 9223372036854775807, 2147483647",
        "0, -1, 1",
        "0, 0, -1",
        "1, 0, 1",
        "2, 0, 1",
        "6, 0, 4",
        "7, 256, 1",
        "7, 253, 4",
        "8, 0, 1",
        "9, 0, 1",
        "-1, 0, 1",
        "2147483647, 0, 1",
    })
    void rejectsAbsentRegionsAndOffsets(int region, long offset, int length) {
        var data = MemorySegment.ofArray(new byte[64]);
        assertErrno(Errno.EINVAL, () -> device.read(region, offset, data, 0, length));
        assertErrno(Errno.EINVAL, () -> device.write(region, offset, data, 0, length));
        assertEquals(List.of(), narrow.accesses, "nothing reached the device");
    }

    @Test
    void memoryIsCopied() throws ErrnoException {
        var memory = MemorySegment.ofArray(new byte[32]);
        var plain = new TestDevice(
                FUNCTION,
                interrupts -> List.of(new MemoryRegion(MemorySegment.ofArray(new byte[16])), new MemoryRegion(memory)));
        plain.write(3, 3, "010203040506070809");
        assertEquals("0001020304050607080900", plain.read(3, 2, 11));
        plain.ioctl(new Reset());
        assertEquals("00".repeat(32), plain.read(3, 0, 32));
    }

    @Test
    void answersInfo() throws ErrnoException {
        assertEquals(new DeviceInfo(3, 9, 5), device.ioctl(new GetInfo()));
        long[] sizes = {16, 0, 0, 32, 0, 0, 0, 256, 0};
        for (int i = 0; i < sizes.length; i++) {
            assertEquals(new RegionInfo(i, 3, sizes[i]), device.ioctl(new GetRegionInfo(i)));
        }
        assertEquals(new IrqInfo(0, 7, 1), device.ioctl(new GetIrqInfo(0)));
        assertEquals(new IrqInfo(1, 9, 2), device.ioctl(new GetIrqInfo(1)));
        assertEquals(new IrqInfo(4, 9, 1), device.ioctl(new GetIrqInfo(4)));
    }

    @ParameterizedTest
    @ValueSource(ints = {9, 10, Integer.MAX_VALUE, Integer.MIN_VALUE, -1})
    void hasNoOtherIndices(int index) {
        assertErrno(Errno.EINVAL, () -> device.ioctl(new GetRegionInfo(index)));
        assertErrno(Errno.EINVAL, () -> device.ioctl(new GetIrqInfo(index)));
    }

    @Test
    void rejectsAbsentInterrupts() {
        assertErrno(Errno.EINVAL, () -> device.ioctl(new GetIrqInfo(2)));
        assertErrno(Errno.EINVAL, () -> device.ioctl(new GetIrqInfo(3)));
        var silent = new TestDevice(PciFunction.of(1, 2).build());
        assertErrno(Errno.EINVAL, () -> silent.ioctl(new GetIrqInfo(0)));
        assertErrno(Errno.EINVAL, () -> silent.ioctl(new GetIrqInfo(1)));
    }

    @Test
    void unknownRequestReturnsEnotty() {
        assertErrno(Errno.ENOTTY, () -> device.ioctl(SetIrqs.disarm(0)));
        assertErrno(Errno.ENOTTY, () -> device.ioctl(new IoctlRequest() {}));
    }

    @Test
    void resetReachesEveryRegion() throws ErrnoException {
        assertEquals(IoctlReply.DONE, device.ioctl(new Reset()));
        assertEquals(List.of("reset"), narrow.accesses);
        assertEquals(List.of("reset"), wide.accesses);
    }

    @Test
    void everyBarNeedsItsRegion() {
        assertThrows(IllegalArgumentException.class, () -> new TestDevice(FUNCTION, interrupts -> List.of(narrow)));
    }

    @FunctionalInterface
    private interface Call {
        void run() throws ErrnoException;
    }

    private static void assertErrno(Errno errno, Call call) {
        assertEquals(errno, assertThrows(ErrnoException.class, call::run).errno());
    }

    /** A region with a doorbell, and what of it can be mapped. */
    private record Doorbell(IoEvent event, List<Area> mappable) implements Registers {
        @Override
        public long read(long offset, int size) {
            return 0;
        }

        @Override
        public void write(long offset, int size, long value) {}

        @Override
        public List<IoEvent> ioEvents() {
            return List.of(event);
        }
    }

    private static TestDevice device(Bar bar, Doorbell region) {
        var function = PciFunction.of(1, 2)
                .bar(bar)
                .bar(Bar.memory(5, 0x1000))
                .capability(new Capability.MsiX(4, bar.space() == Bar.Space.IO ? 5 : 0, 0x800, 5, 0))
                .build();
        return new TestDevice(function, _ -> List.of(region, new MemoryRegion(MemorySegment.NULL)));
    }

    @Test
    void aDoorbellIsOfItsRegion() throws ErrnoException {
        var event = new IoEvent(0x7fc, 4);
        var device = device(Bar.memory(0, 0x4000), new Doorbell(event, List.of(new Area(0x1000, 0x1000))));
        assertEquals(new RegionIoEvents(List.of(event)), device.ioctl(new GetRegionIoEvents(0)));
        assertEquals(new RegionIoEvents(List.of()), device.ioctl(new GetRegionIoEvents(1)));
        assertEquals(new RegionIoEvents(List.of()), device.ioctl(new GetRegionIoEvents(5)));
        for (int index : new int[] {-1, 9}) {
            assertThrows(ErrnoException.class, () -> device.ioctl(new GetRegionIoEvents(index)));
        }
    }

    @ParameterizedTest
    @CsvSource({
        "0x4000, 4", // beyond the BAR
        "0x1000, 4", // where the user maps it
        "0x1ff8, 8",
        "0x800, 1", // in the MSI-X table
        "0x838, 8",
    })
    void aDoorbellThatCannotBe(String offset, int size) {
        var region = new Doorbell(new IoEvent(Long.decode(offset), size), List.of(new Area(0x1000, 0x1000)));
        assertThrows(IllegalArgumentException.class, () -> device(Bar.memory(0, 0x4000), region));
        var port = new Doorbell(new IoEvent(0, size), List.of());
        assertThrows(IllegalArgumentException.class, () -> device(Bar.io(0, 128), port), "I/O space");
    }
}
