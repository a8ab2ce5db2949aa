package mdev.pci;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.GetRegionInfo;
import mdev.api.vfio.RegionCapability.Area;
import mdev.api.vfio.RegionCapability.SparseMmap;
import mdev.api.vfio.RegionInfo;
import mdev.api.vfio.Reset;
import mdev.api.vfio.VfioContext;
import mdev.device.SharedMemory;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A BAR whose memory the framework lends. */
class SharedMemoryTest {
    private static final int SIZE = 0x4000;
    private static final Bar BAR = Bar.memory(2, SIZE);
    private static final PciFunction FUNCTION = PciFunction.of(1, 2).bar(BAR).build();

    /** The framework's side: memory per device, the same for each user. */
    private static final class Lender implements VfioContext {
        final MemorySegment memory = MemorySegment.ofArray(new byte[SIZE]);
        boolean refuses;
        final List<String> asked = new ArrayList<>();

        @Override
        public MemorySegment regionMemory(int region, long size) {
            asked.add(region + ":" + size);
            return memory;
        }

        @Override
        public void clearRegionMemory(int region) throws ErrnoException {
            asked.add("clear " + region);
            if (refuses) {
                throw new ErrnoException(Errno.ENOTTY);
            }
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

    private final Lender lender = new Lender();
    private final SharedMemory shared = BAR.sharedMemory();
    private final TestDevice device = new TestDevice(FUNCTION, interrupts -> List.of(shared));

    @Test
    void isTheFrameworksMemoryWhileOpen() throws ErrnoException {
        assertEquals(0, shared.memory().byteSize());
        device.open(lender);
        assertEquals(List.of("2:" + SIZE), lender.asked);
        assertEquals(lender.memory, shared.memory());
        device.write(2, 0x3ffe, "1234");
        assertEquals("1234", device.read(2, 0x3ffe, 2));
        assertEquals(SIZE - 2, lender.memory.mismatch(MemorySegment.ofArray(new byte[SIZE])));
        device.release();
        assertEquals(0, shared.memory().byteSize());
    }

    @Test
    void resetClearsThroughTheFramework() throws ErrnoException {
        shared.reset();
        device.open(lender);
        lender.memory.fill((byte) 1);
        device.ioctl(new Reset());
        assertEquals(List.of("2:" + SIZE, "clear 2"), lender.asked);
        assertEquals(SIZE, ones(), "its own way alone, which costs no pages");
        lender.refuses = true;
        device.ioctl(new Reset());
        assertEquals(0, ones());
        device.release();
        lender.memory.fill((byte) 1);
        shared.reset();
        assertEquals(SIZE, ones(), "nobody's any more");
    }

    private long ones() {
        return IntStream.range(0, SIZE)
                .filter(at -> lender.memory.get(ValueLayout.JAVA_BYTE, at) == 1)
                .count();
    }

    @Test
    void reportsTheMappableAreas() throws ErrnoException {
        assertEquals(new RegionInfo(2, 7, SIZE), device.ioctl(new GetRegionInfo(2)));
        var areas = List.of(new Area(0x1000, 0x1000), new Area(0x3000, 0x1000));
        var sparse = new TestDevice(FUNCTION, interrupts -> List.of(BAR.sharedMemory(areas)));
        assertEquals(new RegionInfo(2, 15, SIZE, List.of(new SparseMmap(areas))), sparse.ioctl(new GetRegionInfo(2)));
        var none = new TestDevice(FUNCTION, interrupts -> List.of(BAR.sharedMemory(List.of())));
        assertEquals(new RegionInfo(2, 3, SIZE), none.ioctl(new GetRegionInfo(2)));
    }

    /** The base context lends no memory: the opener learns it, and the other regions are released. */
    @Test
    void openerReceivesTheError() {
        var refusal = assertThrows(ErrnoException.class, () -> device.open(new UserIrqs()));
        assertEquals(Errno.ENOTTY, refusal.errno());
        assertEquals(0, shared.memory().byteSize());
    }

    @ParameterizedTest
    @CsvSource({"0x800, 0x1000", "0, 0x800", "0x3000, 0x2000", "0x4000, 0x1000", "0, 0", "-4096, 0x1000"})
    void onlyWholePagesInsideCanBeMapped(String offset, String size) {
        var areas = List.of(new Area(Long.decode(offset), Long.decode(size)));
        assertThrows(IllegalArgumentException.class, () -> BAR.sharedMemory(areas));
    }

    @Test
    void onlyMemoryCanBeMapped() {
        var overlap = List.of(new Area(0, 0x2000), new Area(0x1000, 0x1000));
        assertThrows(IllegalArgumentException.class, () -> BAR.sharedMemory(overlap));
        assertThrows(IllegalArgumentException.class, () -> Bar.io(0, 0x1000).sharedMemory());
        assertThrows(IllegalArgumentException.class, () -> Bar.memory(0, 0x800).sharedMemory());
    }
}
