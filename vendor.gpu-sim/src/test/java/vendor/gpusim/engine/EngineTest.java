package vendor.gpusim.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import mdev.api.errno.ErrnoException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Rings, fences, faults and interrupts, and the sharing of the engine between vGPUs. */
class EngineTest {
    private static final int SIZE = 1 << 16;
    private static final Duration GRACE = Duration.ofMinutes(1);

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
    void identifiesItself() throws ErrnoException {
        Guest guest = guest(1);
        assertEquals(0x4d495347, guest.read(EngineRegisters.ID));
        assertEquals(1, guest.read(EngineRegisters.VERSION));
        assertEquals(SIZE, guest.read(EngineRegisters.MEMORY_SIZE));
        assertEquals(0, guest.read(0x100));
    }

    @Test
    void fencesCompleteInOrderWithAnInterruptEach() throws ErrnoException {
        Guest guest = guest(1);
        for (int i = 0; i < 3 * Guest.RING_SLOTS; i++) {
            guest.submit(8 | 1 << 8, 100 + i);
        }
        guest.finish();
        Guest.await(
                "the interrupts", () -> guest.interrupts.get(EngineRegisters.RING_DONE) == 3 * Guest.RING_SLOTS + 1);
        assertEquals(3 * Guest.RING_SLOTS, guest.counters.frames().get());
        Guest.await("the end of the last command", () -> !guest.busy());
        assertEquals(1, guest.read(EngineRegisters.INTERRUPT_STATUS));
        guest.write(EngineRegisters.INTERRUPT_STATUS, 1);
        assertEquals(0, guest.read(EngineRegisters.INTERRUPT_STATUS));
    }

    /**
     * Numbers from 0: command, value, size, stride, destination (2), source's size, stride, source (2), right (2), ...
     */
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
        "3 0 0x10001 4 0 0 0 4 8, FIELD", // an empty source
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
        "0x407 0 1 1 0 0 0, FIELD", // an inner dimension of 0
        "0x407 0 8 8 0xfc 0 8 0 0 0 0x100, FIELD", // the product would overwrite a factor
        "0x407 0 8 8 0x100 0 8 0 0 0 0x1fc, FIELD",
        "0x407 0 0x7fffffff 0x7fffffff 0 0 1, RANGE",
        "0x407 0 0x40000000 0x40000000 0 0 1, RANGE", // 2^62 bytes
        "0x407 0 0x400 0x400 0 0 0x400, RANGE",
        "0x407 0 0x100 0x100 0 0 1 0 0 0 0 0, RANGE",
    })
    void invalidCommandFaultsOnlyItsVgpu(String command, Fault.Code code) throws ErrnoException {
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
        assertEquals(0, good.read(EngineRegisters.FAULT_CODE));
        assertEquals(0, bad.read(EngineRegisters.FENCE), "what follows the fault is not done");
        bad.enable();
        bad.finish();
        assertEquals(0, bad.read(EngineRegisters.FAULT_CODE), "a new ring is a new begin");
    }

    /**
     * PCI Local Bus 3.0, 6.2.2: neither the ring nor memory addressed by a command is accessed, and no message is sent.
     */
    @Test
    void accessWithoutBusMasterEnableFaults() throws ErrnoException {
        Guest guest = guest(1);
        guest.finish();
        guest.busMaster(false);
        guest.atAccess = () -> {
            throw new AssertionError("an access to the guest's memory");
        };
        guest.submit(0);
        assertEquals(Fault.Code.DMA, guest.awaitFault());
        Guest.await("the message", () -> guest.isPending(EngineRegisters.FAULT));
        assertEquals(0, guest.interrupts.get(EngineRegisters.FAULT));
        guest.atAccess = () -> {};
        guest.busMaster(true);
        assertEquals(1, guest.interrupts.get(EngineRegisters.FAULT), "the message that was due");
        guest.enable();
        guest.finish();
    }

    @Test
    void clearedCauseWithdrawsItsMessage() throws ErrnoException {
        Guest guest = guest(1);
        guest.finish();
        guest.busMaster(false);
        guest.submit(0);
        Guest.await("the message", () -> guest.isPending(EngineRegisters.FAULT));
        guest.write(EngineRegisters.INTERRUPT_STATUS, 1 << EngineRegisters.FAULT);
        assertFalse(guest.isPending(EngineRegisters.FAULT));
        guest.busMaster(true);
        assertEquals(0, guest.interrupts.get(EngineRegisters.FAULT));
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
    void invalidRingIsAFault(String base, int slots, Fault.Code code) throws ErrnoException {
        Guest guest = guest(1);
        guest.enable(Long.decode(base), slots);
        guest.write(EngineRegisters.TAIL, 1);
        assertEquals(code, guest.awaitFault());
    }

    /** An unexpected failure stops one ring and is reported to its guest and in the log. */
    @Test
    void engineFailureIsAFault() throws ErrnoException {
        Guest bad = guest(0.5);
        Guest good = guest(0.5);
        bad.atAccess = () -> {
            throw new InternalError("a fault in a mapped file");
        };
        bad.submit(0);
        assertEquals(Fault.Code.INTERNAL, bad.awaitFault());
        good.finish();
        bad.atAccess = () -> {};
        bad.enable();
        bad.finish();
    }

    /** The command has 2^26 products, each in a separate part. */
    @Test
    void longCommandDelaysNoOtherGuest() throws ErrnoException {
        try (var slowly = new Engine("gpu1", 1, GRACE)) {
            var busy = new Guest(slowly, 8 << 20, Guest.BUFFER, 1);
            var other = new Guest(slowly, SIZE, Guest.BUFFER, 1);
            guests.addAll(List.of(busy, other));
            busy.enable();
            busy.submit(7 | 4 << 8, 0, 64, 64, 0, 0, 1 << 14, 0, 1 << 16, 0, 1 << 16, 0);
            other.enable();
            for (int i = 0; i < 10; i++) {
                other.finish();
            }
            assertEquals(0, busy.read(EngineRegisters.HEAD), "the command continues meanwhile");
            assertTrue(busy.busy());
            busy.write(EngineRegisters.CONTROL, 0);
            Guest.await("the end of the running command", () -> !busy.busy());
        }
    }

    /**
     * A VMM that shares no memory and does not answer, as if it was stopped. It delays the engine only once.
     */
    @Test
    void unresponsiveGuestDelaysNoOtherGuest() throws ErrnoException {
        Guest slow = guest(1);
        Guest other = guest(1);
        slow.atAccess = () -> {
            long end = System.nanoTime() + 2 * Pace.SLOW;
            while (System.nanoTime() < end) {
                LockSupport.parkNanos(end - System.nanoTime());
            }
        };
        slow.finish();
        var answered = new CountDownLatch(1);
        var asked = new CountDownLatch(1);
        slow.atAccess = () -> {
            asked.countDown();
            awaitUninterruptibly(answered);
        };
        slow.submit(5, 0, 1 | 1 << 16, 4, 0, 0, 0, 4, (int) Guest.BUS, (int) (Guest.BUS >> 32));
        slow.submit(1 | 3 << 8, 0x77, 4 | 1 << 16, 16, 16);
        awaitUninterruptibly(asked);
        for (int i = 0; i < 10; i++) {
            other.finish();
        }
        assertTrue(slow.busy());
        answered.countDown();
        slow.finish();
        assertEquals(8, slow.frameBuffer.get(Guest.NUMBER, 0), "its upload has read the first slot, a fence");
        assertEquals(0x77, slow.frameBuffer.get(Guest.NUMBER, 28));
    }

    /**
     * After a pause of the host, a guest counts as fast again after a number of quick accesses, which grows with each
     * pause.
     */
    @Test
    void slowGuestNeedsMoreQuickAccessesEachTime() {
        var pace = new Pace();
        for (int wanted = 16; wanted < 10_000; wanted *= 2) {
            pace.took(Pace.SLOW + 1);
            for (int quick = 0; quick < wanted; quick++) {
                assertTrue(pace.isSlow());
                pace.took(Pace.SLOW);
            }
            assertFalse(pace.isSlow());
        }
    }

    private static void awaitUninterruptibly(CountDownLatch latch) {
        Guest.await("what the test waits for", () -> latch.getCount() == 0);
    }

    /** After a reset, a running command neither writes nor reports anything. */
    @Test
    void resetEndsTheRunningCommand() throws ErrnoException {
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

    /**
     * A release waits for a running access to the user's memory; the rest of the command is not executed.
     */
    @Test
    void releaseEndsTheRunningCommand() throws ErrnoException {
        Guest guest = guest(1);
        var left = new AtomicBoolean();
        var leaver = new Thread(() -> {
            guest.close();
            left.set(true);
        });
        var early = new AtomicBoolean();
        guest.atAccess = () -> {
            leaver.start();
            Guest.await("the user waits", () -> left.get() || leaver.getState() == Thread.State.TIMED_WAITING);
            early.set(left.get());
        };
        guest.submit(8, 77);
        Guest.await("the release of the user", left::get);
        assertFalse(early.get());
        guest.atAccess = () -> {};
        guest.open();
        assertEquals(0, guest.read(EngineRegisters.FENCE));
        guest.enable();
        guest.finish();
    }

    /**
     * Neither the removal of the device nor the end of the GPU waits forever for a guest that does not answer memory
     * accesses.
     */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void hungGuestDoesNotKeepTheEngineOpen(boolean interrupted) throws Exception {
        var hangs = new Engine("gpu1", Work.PART, Duration.ofMillis(10));
        var guest = new Guest(hangs, SIZE, Guest.BUFFER, 1);
        guest.enable();
        var asked = new CountDownLatch(1);
        var answered = new CountDownLatch(1);
        guest.atAccess = () -> {
            asked.countDown();
            awaitUninterruptibly(answered);
        };
        guest.submit(8, 77);
        awaitUninterruptibly(asked);
        var kept = new AtomicBoolean();
        Thread closer = Thread.ofPlatform().start(() -> {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
            guest.close();
            hangs.close();
            kept.set(Thread.currentThread().isInterrupted());
        });
        assertTrue(closer.join(GRACE), () -> "waits: " + List.of(closer.getStackTrace()));
        assertEquals(interrupted, kept.get());
        answered.countDown();
    }

    /** A vector that overlaps its result is well-defined: here each number is added to the sum of the previous ones. */
    @ParameterizedTest
    @ValueSource(ints = {Work.PART, 7})
    void vectorsAreProcessedElementByElement(int part) throws ErrnoException {
        try (var other = new Engine("gpu1", part, GRACE);
                var guest = new Guest(other, SIZE, Guest.BUFFER, 1)) {
            guest.enable();
            for (long i = 0; i < 100; i++) {
                guest.frameBuffer.set(Guest.FLOAT, 4 * i, (float) i);
            }
            guest.submit(7, 0, 99, 0, 4, 0, 0, 0, 0, 0, 4);
            guest.finish();
            float sum = 0;
            for (long i = 0; i < 100; i++) {
                sum += (float) i;
                assertEquals(sum, guest.frameBuffer.get(Guest.FLOAT, 4 * i));
            }
        }
    }

    @Test
    void utilisationFollowsTheLoad() throws ErrnoException {
        assertEquals(0, engine.utilisation());
        Guest guest = guest(1);
        double[] before = {0};
        Guest.await("a mostly busy engine", () -> {
            try {
                guest.submit(1 | 10 << 8, 0, 128 | 128 << 16, 512, 0);
            } catch (ErrnoException e) {
                throw new AssertionError(e);
            }
            before[0] = engine.utilisation();
            return before[0] > 0.2;
        });
        Guest.await("an idle engine", () -> engine.utilisation() < before[0] / 2);
    }

    @Test
    void vblankReachesGuestsThatEnabledIt() throws ErrnoException {
        Guest guest = guest(1);
        guest.write(EngineRegisters.INTERRUPT_ENABLE, 1 << EngineRegisters.VBLANK);
        Guest.await("some frames", () -> guest.interrupts.get(EngineRegisters.VBLANK) >= 3);
        assertTrue(guest.read(EngineRegisters.VBLANK_COUNT) >= 3);
        assertEquals(1 << EngineRegisters.VBLANK, guest.read(EngineRegisters.INTERRUPT_STATUS));
    }

    /** Under each policy every vGPU makes progress, and the counters match the completed work. */
    @ParameterizedTest
    @EnumSource
    void everyPolicyServesEveryGuest(Policy policy) throws ErrnoException {
        engine.policy(policy);
        List<Guest> four = List.of(guest(0.25), guest(0.25), guest(0.25), guest(0.25));
        for (Guest guest : four) {
            for (int i = 0; i < 4; i++) {
                guest.submit(1, 0x55, 64 | 64 << 16, 256, 0);
            }
        }
        for (Guest guest : four) {
            guest.finish();
            assertEquals(5, guest.counters.commands().get());
            assertEquals(4 * 64 * 64 * 4, guest.counters.bytes().get());
            Guest.await("the busy time", () -> guest.counters.busy().get() > 0);
        }
    }

    @Test
    void releasedGuestIsNotServed() throws ErrnoException {
        Guest guest = guest(1);
        guest.finish();
        guest.close();
        assertEquals(0, guest.read(EngineRegisters.CONTROL));
        guest(1).finish();
    }
}
