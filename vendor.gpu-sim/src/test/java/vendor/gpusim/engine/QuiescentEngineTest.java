package vendor.gpusim.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** A vGPU in RUNNING_P2P: the engine leaves the guest's memory alone; registers and interrupts work. */
class QuiescentEngineTest {
    private static final int SIZE = 1 << 16;

    private final Engine engine = new Engine("gpu0", 1, Duration.ofMinutes(1));

    @AfterEach
    void close() {
        engine.close();
    }

    private Guest guest() throws ErrnoException {
        var guest = new Guest(engine, SIZE, Guest.BUFFER + SIZE, 1);
        guest.enable();
        return guest;
    }

    /** The engine serves another vGPU for longer than this one in all, so that it would have served this one, too. */
    private static void passOver(Guest guest, Guest other) throws ErrnoException {
        do {
            other.finish();
        } while (other.counters.busy().get() <= guest.counters.busy().get());
        other.finish();
    }

    @Test
    void commandsWait() throws ErrnoException {
        try (Guest guest = guest();
                Guest other = guest()) {
            guest.finish();
            int head = guest.read(EngineRegisters.HEAD);
            guest.quiesce();
            var accesses = new AtomicInteger();
            guest.atAccess = accesses::incrementAndGet;
            guest.submit(8, 77);
            passOver(guest, other);
            assertEquals(0, accesses.get(), "accesses to the guest's memory");
            assertEquals(head, guest.read(EngineRegisters.HEAD));
            assertEquals((head + 1) % Guest.RING_SLOTS, guest.read(EngineRegisters.TAIL));
            assertTrue(guest.busy(), "the command is pending");

            guest.write(EngineRegisters.INTERRUPT_ENABLE, 7);
            int frames = guest.interrupts.get(EngineRegisters.VBLANK);
            Guest.await("a frame", () -> guest.interrupts.get(EngineRegisters.VBLANK) > frames);

            guest.unquiesce();
            Guest.await("the fence", () -> !guest.busy());
            assertEquals(77, guest.read(EngineRegisters.FENCE));
            assertEquals(2, guest.interrupts.get(EngineRegisters.RING_DONE));
        }
    }

    /** A long command is interrupted between two parts, and continues. */
    @Test
    void commandUnderWayPauses() throws ErrnoException {
        int n = 64;
        try (Guest guest = guest();
                Guest other = guest()) {
            for (int i = 0; i < 2 * n * n; i++) {
                guest.frameBuffer.set(Guest.FLOAT, 4L * i, 1);
            }
            int product = 2 * n * n * 4;
            guest.submit(0x407, 0, n, n, product, 0, n, 0, 0, 0, n * n * 4, 0);
            Guest.await("the command", () -> guest.counters.busy().get() > 0);
            guest.quiesce();
            passOver(guest, other); // the engine adds the time of a part after the part
            long busy = guest.counters.busy().get();
            passOver(guest, other);
            assertTrue(guest.busy(), "it is not over");
            assertEquals(busy, guest.counters.busy().get(), "time of the engine");
            guest.unquiesce();
            Guest.await("the product", () -> !guest.busy());
            for (int i = 0; i < n * n; i++) {
                assertEquals(n, guest.frameBuffer.get(Guest.FLOAT, product + 4L * i), 0);
            }
        }
    }

    /** As in a migration: stopped and resumed in between. */
    @Test
    void resumedVgpuIsStillQuiescent() throws ErrnoException {
        try (Guest guest = guest();
                Guest other = guest()) {
            guest.quiesce();
            guest.submit(8, 1);
            var state = guest.save();
            guest.resume();
            passOver(guest, other);
            assertEquals(0, guest.read(EngineRegisters.FENCE));
            guest.reset();
            guest.enable();
            guest.submit(8, 2);
            passOver(guest, other);
            assertEquals(0, guest.read(EngineRegisters.FENCE), "a reset does not end it");
            assertEquals(1, state.section("bar4").section("ring").number("tail"));
            guest.unquiesce();
            Guest.await("the fence", () -> !guest.busy());
            assertEquals(2, guest.read(EngineRegisters.FENCE));
        }
    }

    @Test
    void hungAccessRefusesTheQuiesce() throws Exception {
        var entered = new CountDownLatch(1);
        var answered = new CountDownLatch(1);
        try (Guest guest = guest()) {
            guest.atAccess = () -> {
                entered.countDown();
                try {
                    answered.await();
                } catch (InterruptedException e) {
                    throw new AssertionError(e);
                }
            };
            guest.submit(8, 1);
            entered.await();
            var refused = assertThrows(ErrnoException.class, guest::quiesce);
            assertEquals(Errno.EBUSY, refused.errno());
            guest.unquiesce();
            answered.countDown();
            Guest.await("the fence", () -> !guest.busy());
            assertEquals(1, guest.read(EngineRegisters.FENCE));
        }
    }
}
