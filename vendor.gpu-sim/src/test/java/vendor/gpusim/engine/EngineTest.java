package vendor.gpusim.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import mdev.api.errno.ErrnoException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Rings, fences, faults and interrupts, and what vGPUs get of the engine that they share. */
class EngineTest {
    private static final int SIZE = 1 << 16;

    private final Engine engine = new Engine("gpu0");
    private final List<Guest> guests = new ArrayList<>();

    @AfterEach
    void close() {
        guests.forEach(Guest::close);
        engine.close();
    }

    private Guest guest(double share) throws ErrnoException {
        var guest = new Guest(engine, SIZE, Guest.BUFFER + SIZE, share);
        guests.add(guest);
        guest.enable();
        return guest;
    }

    private static int[] numbers(String command) {
        return Stream.of(command.split(" ", -1)).mapToInt(Integer::decode).toArray();
    }

    @Test
    void tellsWhatItIs() throws ErrnoException {
        Guest guest = guest(1);
        assertEquals(0x4d495347, guest.read(EngineRegisters.ID));
        assertEquals(1, guest.read(EngineRegisters.VERSION));
        assertEquals(SIZE, guest.read(EngineRegisters.MEMORY_SIZE));
        assertEquals(0, guest.read(0x100));
    }

    @Test
    void fencesComeInOrderWithAnInterruptEach() throws ErrnoException {
        Guest guest = guest(1);
        for (int i = 0; i < 3 * Guest.RING_SLOTS; i++) {
            guest.submit(8 | 1 << 8, 100 + i);
        }
        guest.finish();
        Guest.await(
                "the interrupts", () -> guest.interrupts.get(EngineRegisters.RING_DONE) == 3 * Guest.RING_SLOTS + 1);
        assertEquals(3 * Guest.RING_SLOTS, guest.counters.frames());
        assertEquals(0, guest.read(EngineRegisters.STATUS));
        assertEquals(1, guest.read(EngineRegisters.INTERRUPT_STATUS));
        guest.write(EngineRegisters.INTERRUPT_STATUS, 1);
        assertEquals(0, guest.read(EngineRegisters.INTERRUPT_STATUS));
    }

    /** Numbers from 0: command, value, size, stride, destination (2), source's size, stride, source (2), right (2), ... */
    @ParameterizedTest(name = "{0}: {1}")
    @CsvSource({
        "9, OPCODE",
        "255, OPCODE",
        "0x100, FIELD", // a variant of NOP
        "0x1001, FIELD", // the 17th raster operation
        "0 1, FIELD", // not used, not 0
        "0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 1, FIELD",
        "1 0 0x10000 4, FIELD", // no pixel wide
        "1 0 0x00001 4, FIELD", // no pixel high
        "1 0 0x10002 4, FIELD", // a stride of less than a line
        "1 0 0x10001 6, FIELD", // not aligned
        "1 0 0x10001 4 2, FIELD",
        "1 0 0x10001 4 0x10000, RANGE", // behind the end
        "1 0 0x10002 8 0xfffc, RANGE", // across the end
        "1 0 0x20001 -4 0, RANGE",
        "1 0 0x10001 4 0 -1, RANGE",
        "2 0 0x10001 4 0 0 0 4 0x10000, RANGE",
        "2 0 0x20001 8 0 0 0 4 4, FIELD", // overlap with another stride
        "3 0 0x10001 4 0 0 0x10001 4 0, FIELD", // stretched onto itself
        "3 0 0x10001 4 0 0 0 4 8, FIELD", // nothing to stretch
        "4 256 0x10001 4 0 0 0 4 8, FIELD", // more than opaque
        "5 0 0x10001 4 0 0 0 4 0 0, DMA", // nothing is mapped there
        "5 0 0x20001 4 0 0 0 0x7fffffff 0 1, DMA", // the second line is not
        "6 0 0x10001 4 -4 -1 0 4 0 0, DMA",
        "5 0 0x10001 4 0x10000 0 0 4 0 1, RANGE",
        "0x507, FIELD", // the 6th operation
        "7 0 0, FIELD", // nothing to add
        "7 0 1 0 2, FIELD",
        "7 0 1 0 0 0 0 0 0x10000, RANGE",
        "7 0 1 0 0x10000, RANGE",
        "7 0 0x4001 0 0, RANGE",
        "0x407 0 1 1 0 0 0, FIELD", // a matrix without an inside
        "0x407 0 1 1 0x100 0 0x10001 0 0 0 0x80, FIELD", // too long a sum
        "0x407 0 8 8 0xfc 0 8 0 0 0 0x100, FIELD", // the product would spoil a factor
        "0x407 0 8 8 0x100 0 8 0 0 0 0x1fc, FIELD",
        "0x407 0 0x7fffffff 0x7fffffff 0 0 1, RANGE",
        "0x407 0 0x40000000 0x40000000 0 0 1, RANGE", // 2^62 bytes
        "0x407 0 0x400 0x400 0 0 0x400, RANGE",
        "0x407 0 0x100 0x100 0 0 1 0 0 0 0 0, RANGE",
    })
    void aWrongCommandFaultsItsOwnVgpuOnly(String command, Fault.Code code) throws ErrnoException {
        Guest bad = guest(0.5);
        Guest good = guest(0.5);
        bad.submit(0);
        bad.submit(numbers(command));
        bad.submit(8, 77);
        assertEquals(code, bad.awaitFault());
        assertEquals(1, bad.read(EngineRegisters.FAULT_SLOT));
        assertEquals(1, bad.read(EngineRegisters.HEAD));
        Guest.await("the interrupt", () -> bad.interrupts.get(EngineRegisters.FAULT) == 1);
        good.finish();
        assertEquals(0, good.read(EngineRegisters.STATUS));
        assertEquals(0, bad.read(EngineRegisters.FENCE), "what follows the fault is not done");
        bad.enable();
        bad.finish();
        assertEquals(0, bad.read(EngineRegisters.FAULT_CODE), "a new ring is a new begin");
    }

    @ParameterizedTest(name = "{1} slots at {0}: {2}")
    @CsvSource({
        "0x100000000, 0, RING",
        "0x100000000, 1, RING",
        "0x100000000, 6, RING",
        "0x100000000, 131072, RING",
        "0x100000000, -2147483648, RING",
        "0x100000020, 8, RING",
        "0x200000000, 8, DMA",
    })
    void aWrongRingIsAFault(String base, int slots, Fault.Code code) throws ErrnoException {
        Guest guest = guest(1);
        guest.enable(Long.decode(base), slots);
        guest.write(EngineRegisters.TAIL, 1);
        assertEquals(code, guest.awaitFault());
    }

    /** What nobody foresaw stops one ring, and its guest and the log are told. */
    @Test
    void aFailureOfTheEngineIsAFaultToo() throws ErrnoException {
        Guest bad = guest(0.5);
        Guest good = guest(0.5);
        bad.broken = new InternalError("a fault in a mapped file");
        bad.submit(0);
        assertEquals(Fault.Code.INTERNAL, bad.awaitFault());
        good.finish();
        bad.broken = null;
        bad.enable();
        bad.finish();
    }

    /** The long one has 2^32 products to make: some seconds of work. */
    @Test
    void aLongCommandHoldsNobodyUp() throws ErrnoException {
        var busy = new Guest(engine, 128 << 20, Guest.BUFFER, 1);
        guests.add(busy);
        busy.enable();
        busy.submit(7 | 4 << 8, 0, 1 << 8, 1 << 8, 0, 0, 1 << 16, 0, 4 << 20, 0, 4 << 20, 0);
        Guest other = guest(1);
        for (int i = 0; i < 10; i++) {
            other.finish();
        }
        assertEquals(0, busy.read(EngineRegisters.HEAD), "it goes on all the while");
        assertTrue(busy.busy());
        busy.write(EngineRegisters.CONTROL, 0);
        Guest.await("the end of what was under way", () -> !busy.busy());
    }

    /** After a reset nothing of what was under way is written or told any more. */
    @Test
    void aResetEndsWhatIsUnderWay() throws ErrnoException {
        var guest = new Guest(engine, 1 << 20, Guest.BUFFER, 1);
        guests.add(guest);
        for (int i = 0; i < 200; i++) {
            guest.enable();
            guest.submit(8, i + 1);
            for (int j = 0; j < 5; j++) {
                guest.submit(1 | 10 << 8, 0, 512 | 512 << 16, 2048, 0); // invert
            }
            guest.awaitHead(1 + i % 4);
            guest.reset();
            assertEquals(0, guest.read(EngineRegisters.FENCE));
            assertEquals(0, guest.read(EngineRegisters.INTERRUPT_STATUS));
            assertEquals(-1, guest.frameBuffer.mismatch(MemorySegment.ofArray(new byte[1 << 20])), "round " + i);
        }
    }

    @Test
    void endsOfFramesAreToldToWhoWantsThem() throws ErrnoException {
        Guest guest = guest(1);
        guest.write(EngineRegisters.INTERRUPT_ENABLE, 1 << EngineRegisters.VBLANK);
        Guest.await("some frames", () -> guest.interrupts.get(EngineRegisters.VBLANK) >= 3);
        assertTrue(guest.read(EngineRegisters.VBLANK_COUNT) >= 3);
        assertEquals(1 << EngineRegisters.VBLANK, guest.read(EngineRegisters.INTERRUPT_STATUS));
    }

    /** Each policy lets everybody go on, with the counters of the work that was done. */
    @ParameterizedTest
    @EnumSource
    void everyPolicyServesEverybody(Policy policy) throws ErrnoException {
        engine.policy(policy);
        List<Guest> four = List.of(guest(0.25), guest(0.25), guest(0.25), guest(0.25));
        for (Guest guest : four) {
            for (int i = 0; i < 4; i++) {
                guest.submit(1, 0x55, 64 | 64 << 16, 256, 0);
            }
        }
        for (Guest guest : four) {
            guest.finish();
            assertEquals(5, guest.counters.commands());
            assertEquals(4 * 64 * 64 * 4, guest.counters.bytes());
            Guest.await("its time is counted", () -> guest.counters.busy() > 0);
        }
    }

    @Test
    void aGuestThatHasGoneIsServedNoMore() throws ErrnoException {
        Guest guest = guest(1);
        guest.finish();
        guest.close();
        assertEquals(0, guest.read(EngineRegisters.CONTROL));
        guest(1).finish();
    }
}
