package mdev.device;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.state.DeviceState;
import mdev.api.state.StatefulDevice;
import mdev.api.vfio.DeviceInfo;
import mdev.api.vfio.GetInfo;
import mdev.api.vfio.GetIrqInfo;
import mdev.api.vfio.GetRegionInfo;
import mdev.api.vfio.GetRegionIoEvents;
import mdev.api.vfio.IoEvent;
import mdev.api.vfio.IrqInfo;
import mdev.api.vfio.RegionCapability;
import mdev.api.vfio.RegionInfo;
import mdev.api.vfio.RegionIoEvents;
import mdev.api.vfio.Reset;
import mdev.api.vfio.SetIrqs;
import mdev.api.vfio.VfioCcw;
import mdev.api.vfio.VfioContext;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What a device that declares regions and interrupts answers, with none of a bus's own parts. */
class RegionDeviceTest {
    private static final RegionCapability SCHIB =
            new RegionCapability.Type(VfioCcw.REGION_TYPE, VfioCcw.REGION_SUBTYPE_SCHIB);
    private static final int RW = RegionInfo.READ | RegionInfo.WRITE;
    private static final List<RegionCapability.Area> AREAS = List.of(new RegionCapability.Area(0x1000, 0x1000));

    /** The calls of all regions, in order. */
    private final List<String> calls = new ArrayList<>();

    private boolean openFails;

    /** A region of bytes that writes down its calls. */
    private class Bytes implements Region {
        final MemorySegment memory = MemorySegment.ofArray(new byte[16]);
        private final String name;

        Bytes(String name) {
            this.name = name;
        }

        @Override
        public void read(long offset, MemorySegment data, long dataOffset, int length) {
            MemorySegment.copy(memory, offset, data, dataOffset, length);
        }

        @Override
        public void write(long offset, MemorySegment data, long dataOffset, int length) throws ErrnoException {
            if (offset == 8) {
                throw new ErrnoException(Errno.EBUSY);
            }
            MemorySegment.copy(data, dataOffset, memory, offset, length);
        }

        @Override
        public void open(VfioContext context) throws ErrnoException {
            calls.add("open " + name);
            if (openFails && name.equals("b")) {
                throw new ErrnoException(Errno.ENXIO);
            }
        }

        @Override
        public void release() {
            calls.add("release " + name);
        }

        @Override
        public void reset() {
            calls.add("reset " + name);
        }

        @Override
        public void stop() {
            calls.add("stop " + name);
        }

        @Override
        public void resume() {
            calls.add("resume " + name);
        }

        @Override
        public DeviceState save() {
            return DeviceState.version(1).with("bytes", memory.toArray(ValueLayout.JAVA_BYTE));
        }

        @Override
        public void restore(DeviceState state) throws ErrnoException {
            memory.copyFrom(MemorySegment.ofArray(state.bytes("bytes")));
        }
    }

    private final class ReadOnly extends Bytes {
        ReadOnly() {
            super("b");
        }

        @Override
        public boolean writable() {
            return false;
        }
    }

    private final class Device extends RegionDevice implements StatefulDevice {
        Device(long size) {
            super(DeviceInfo.CCW, 4, 3);
            region(0, size, new Bytes("a"));
            region(1, 16, new ReadOnly(), SCHIB);
            region(3, 0x4000, new SharedMemory(3, 0x4000, AREAS), SCHIB);
            irq(0, 0, 1);
            irq(2, IrqInfo.MASKABLE, 2);
        }

        @Override
        public int stateVersion() {
            return 7;
        }
    }

    /** A user without memory, and no interrupts. */
    private static final class User implements VfioContext {
        @Override
        public MemorySegment regionMemory(int region, long size) {
            return MemorySegment.ofArray(new byte[(int) size]);
        }

        @Override
        public boolean armed(int index, int vector) {
            return false;
        }

        @Override
        public void trigger(int index, int vector) {}

        @Override
        public void setIntx(boolean high) {}
    }

    private final Device device = new Device(16);

    private static MemorySegment data(int... bytes) {
        byte[] data = new byte[bytes.length];
        for (int i = 0; i < data.length; i++) {
            data[i] = (byte) bytes[i];
        }
        return MemorySegment.ofArray(data);
    }

    private static void assertErrno(Errno errno, org.junit.jupiter.api.function.Executable call) {
        assertEquals(errno, assertThrows(ErrnoException.class, call).errno());
    }

    @Test
    void answersWhatIsDeclared() throws ErrnoException {
        assertEquals(new DeviceInfo(DeviceInfo.CCW | DeviceInfo.RESET, 4, 3), device.ioctl(new GetInfo()));
        assertEquals(new RegionInfo(0, RW, 16), device.ioctl(new GetRegionInfo(0)));
        assertEquals(
                new RegionInfo(1, RegionInfo.READ | RegionInfo.CAPS, 16, List.of(SCHIB)),
                device.ioctl(new GetRegionInfo(1)));
        assertEquals(new RegionInfo(2, RW, 0), device.ioctl(new GetRegionInfo(2)));
        assertEquals(
                new RegionInfo(
                        3,
                        RW | RegionInfo.MMAP | RegionInfo.CAPS,
                        0x4000,
                        List.of(SCHIB, new RegionCapability.SparseMmap(AREAS))),
                device.ioctl(new GetRegionInfo(3)));
        assertEquals(new IrqInfo(0, IrqInfo.EVENTFD, 1), device.ioctl(new GetIrqInfo(0)));
        assertEquals(new IrqInfo(2, IrqInfo.EVENTFD | IrqInfo.MASKABLE, 2), device.ioctl(new GetIrqInfo(2)));
        assertEquals(new RegionIoEvents(List.of()), device.ioctl(new GetRegionIoEvents(2)));
        for (int index : new int[] {-1, 4, Integer.MIN_VALUE}) {
            assertErrno(Errno.EINVAL, () -> device.ioctl(new GetRegionInfo(index)));
            assertErrno(Errno.EINVAL, () -> device.ioctl(new GetRegionIoEvents(index)));
        }
        for (int index : new int[] {-1, 1, 3}) {
            assertErrno(Errno.EINVAL, () -> device.ioctl(new GetIrqInfo(index)));
        }
        assertErrno(Errno.ENOTTY, () -> device.ioctl(SetIrqs.disarm(0)));
    }

    @ParameterizedTest
    @CsvSource({
        "-1, 0, 1",
        "4, 0, 1",
        "2, 0, 1",
        "0, -1, 1",
        "0, 16, 1",
        "0, 15, 2",
        "0, 0x7fffffffffffffff, 2",
        "0, 0, -1"
    })
    void rejectsAccessesOutsideOfARegion(int region, String offset, int length) {
        long at = Long.decode(offset);
        assertErrno(Errno.EINVAL, () -> device.read(region, at, data(0, 0), 0, length));
        assertErrno(Errno.EINVAL, () -> device.write(region, at, data(0, 0), 0, length));
    }

    @Test
    void passesAccessesAndTheirErrnosOn() throws ErrnoException {
        device.write(0, 14, data(0, 1, 2), 1, 2);
        MemorySegment read = data(0, 0, 0);
        device.read(0, 13, read, 0, 3);
        assertEquals(-1, read.mismatch(data(0, 1, 2)));
        assertErrno(Errno.EBUSY, () -> device.write(0, 8, data(1), 0, 1));
        device.read(1, 0, read, 0, 3);
        assertErrno(Errno.EINVAL, () -> device.write(1, 0, data(1), 0, 1));
    }

    @Test
    void opensInOrderAndResetsInTheOpposite() throws ErrnoException {
        device.open(new User());
        device.ioctl(new Reset());
        device.stop();
        device.resume();
        device.release();
        assertEquals(
                List.of(
                        "open a",
                        "open b",
                        "reset b",
                        "reset a",
                        "stop a",
                        "stop b",
                        "resume a",
                        "resume b",
                        "release a",
                        "release b"),
                calls);
    }

    @Test
    void failedOpenReleasesAllRegions() {
        openFails = true;
        assertErrno(Errno.ENXIO, () -> device.open(new User()));
        assertEquals(List.of("open a", "open b", "release a", "release b"), calls);
    }

    @Test
    void stateIsThatOfTheRegions() throws ErrnoException {
        device.write(0, 3, data(9), 0, 1);
        DeviceState state = device.save();
        assertEquals(7, state.version());
        Device next = new Device(16);
        next.restore(state);
        MemorySegment read = data(0);
        next.read(0, 3, read, 0, 1);
        assertEquals(9, read.get(ValueLayout.JAVA_BYTE, 0));
        assertErrno(Errno.EINVAL, () -> new Device(15).restore(state));
        assertErrno(Errno.EINVAL, () -> next.restore(DeviceState.version(7)));
    }

    @ParameterizedTest
    @CsvSource({"0x4000, 4", "0x3ffe, 4", "0x1000, 4", "0x1ffc, 8", "0xffe, 4"})
    void rejectsADoorbellOutsideOrInMappedMemory(String offset, int size) {
        assertThrows(IllegalArgumentException.class, () -> new Rung(new IoEvent(Long.decode(offset), size)));
        new Rung(new IoEvent(0x2000, 8));
    }

    private static final class Rung extends RegionDevice {
        Rung(IoEvent event) {
            super(DeviceInfo.PLATFORM, 1, 0);
            region(0, 0x4000, new Registers() {
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

                @Override
                public List<RegionCapability.Area> mappable() {
                    return AREAS;
                }
            });
        }
    }

    @Test
    void accessAllocatesNothing() throws ErrnoException {
        Rung registers = new Rung(new IoEvent(0, 4));
        MemorySegment word = MemorySegment.ofArray(new byte[4]);
        access(registers, word); // compiled now
        ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
        long before = threads.getCurrentThreadAllocatedBytes();
        access(registers, word);
        long allocated = threads.getCurrentThreadAllocatedBytes() - before;
        // A single object per access would be 1.6 MB; the allowance covers the measurement itself.
        assertTrue(allocated < 10_000, allocated + " bytes");
    }

    private static void access(RegionDevice device, MemorySegment word) throws ErrnoException {
        for (int i = 0; i < 100_000; i++) {
            device.write(0, 0, word, 0, 4);
            device.read(0, 0, word, 0, 4);
        }
    }
}
