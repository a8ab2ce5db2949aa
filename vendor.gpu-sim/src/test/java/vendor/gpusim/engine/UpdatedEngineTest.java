package vendor.gpusim.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.state.DeviceState;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A vGPU whose driver is updated: its state is that of a device which has been stopped between two parts. */
class UpdatedEngineTest {
    private static final int SIZE = 1 << 16;
    private static final Duration GRACE = Duration.ofMinutes(1);

    private final Engine engine = new Engine("gpu0", 1, GRACE);
    private final Engine next = new Engine("gpu0", 1, GRACE);

    @AfterEach
    void close() {
        engine.close();
        next.close();
    }

    private Guest guest() throws ErrnoException {
        var guest = new Guest(engine, SIZE, Guest.BUFFER + SIZE, 1);
        guest.enable();
        return guest;
    }

    /** A product of matrices, one multiplication at a time, is saved with its current sum. */
    @Test
    void commandContinuesWhereItWasStopped() throws ErrnoException {
        int n = 64;
        try (Guest guest = guest()) {
            for (int i = 0; i < 2 * n * n; i++) {
                guest.frameBuffer.set(Guest.FLOAT, 4L * i, i % 7);
            }
            int product = 2 * n * n * 4;
            guest.submit(0x407, 0, n, n, product, 0, n, 0, 0, 0, n * n * 4, 0);
            int fences = 0;
            int interrupted = 0;
            while (guest.busy()) {
                DeviceState state = guest.save();
                DeviceState ring = state.section("bar4").section("ring");
                if (ring.has("command") && ring.number("done") % n != 0) {
                    interrupted++;
                }
                guest.replace(fences++ % 2 == 0 ? next : engine, state);
            }
            assertTrue(interrupted > 0, "no stop within a sum of " + fences);
            for (int row = 0; row < n; row++) {
                for (int column = 0; column < n; column++) {
                    double sum = 0;
                    for (int i = 0; i < n; i++) {
                        sum += (double) ((row * n + i) % 7) * ((n * n + i * n + column) % 7);
                    }
                    assertEquals((float) sum, guest.frameBuffer.get(Guest.FLOAT, product + 4L * (row * n + column)), 0);
                }
            }
        }
    }

    @Test
    void fencesCompleteOnceEach() throws ErrnoException {
        int fences = 2000;
        try (Guest guest = guest()) {
            for (int i = 1; i <= fences; i++) {
                guest.submit(8 | 1 << 8, i);
                if (i % 3 == 0) {
                    guest.replace(i % 2 == 0 ? next : engine, guest.save());
                }
            }
            Guest.await("the last fence", () -> !guest.busy());
            assertEquals(fences, guest.read(EngineRegisters.FENCE));
            assertEquals(fences, guest.interrupts.get(EngineRegisters.RING_DONE));
            assertEquals(fences, guest.counters.frames().get());
            assertEquals(fences, guest.counters.commands().get());
        }
    }

    /** Neither work nor vblank interrupts: the registers stay as they were saved. */
    @Test
    void stoppedVgpuDoesNothing() throws ErrnoException {
        try (Guest guest = guest();
                var other = new Guest(engine, SIZE, Guest.BUFFER + SIZE, 1)) {
            guest.write(EngineRegisters.INTERRUPT_ENABLE, 7);
            guest.submit(0x407, 0, 64, 64, 0x8000, 0, 64, 0, 0, 0, 0x4000, 0);
            guest.submit(8, 1);
            Guest.await("the command", () -> guest.counters.busy().get() > 0);
            DeviceState state = guest.save();
            other.enable();
            other.write(EngineRegisters.INTERRUPT_ENABLE, 1 << EngineRegisters.VBLANK);
            Guest.await("two frames", () -> other.interrupts.get(EngineRegisters.VBLANK) > 2);
            other.finish();
            assertEquals(progress(state), progress(guest.save()));
            guest.resume();
            Guest.await("the fence", () -> !guest.busy());
            assertEquals(1, guest.read(EngineRegisters.FENCE));
        }
    }

    private static List<Object> progress(DeviceState state) throws ErrnoException {
        DeviceState engine = state.section("bar4");
        DeviceState ring = engine.section("ring");
        return List.of(
                ring.number("head"),
                ring.has("done") ? ring.number("done") : 0,
                engine.number("fence"),
                engine.number("vblankCount"));
    }

    /** What the guest has set, what has occurred, and what the vGPU owes to the others. */
    @Test
    void registersAreThoseOfBefore() throws ErrnoException {
        try (Guest guest = guest()) {
            guest.write(EngineRegisters.INTERRUPT_ENABLE, 7);
            guest.finish();
            guest.submit(9);
            assertEquals(Fault.Code.OPCODE, guest.awaitFault());
            Guest.await("a frame", () -> guest.interrupts.get(EngineRegisters.VBLANK) > 0);
            DeviceState state = guest.save();
            Map<Integer, Integer> before = registers(guest);
            guest.replace(next, state);
            Map<Integer, Integer> after = registers(guest);
            before.keySet().removeAll(List.of(EngineRegisters.VBLANK_COUNT));
            after.keySet().removeAll(List.of(EngineRegisters.VBLANK_COUNT));
            assertEquals(before, after);
            assertTrue(guest.read(EngineRegisters.VBLANK_COUNT) > 0);
        }
    }

    private static Map<Integer, Integer> registers(Guest guest) throws ErrnoException {
        Map<Integer, Integer> values = new HashMap<>();
        for (int register = 0; register <= EngineRegisters.VBLANK_COUNT; register += 4) {
            values.put(register, guest.read(register));
        }
        return values;
    }

    /** An access that the guest's VMM does not answer: the vGPU cannot be stopped, and continues. */
    @Test
    void hungAccessRefusesTheStop() throws Exception {
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
            var refused = assertThrows(ErrnoException.class, guest::save);
            assertEquals(Errno.EBUSY, refused.errno());
            answered.countDown();
            Guest.await("the fence", () -> !guest.busy());
            assertEquals(1, guest.read(EngineRegisters.FENCE));
        }
    }

    @Test
    void accountIsKept() throws ErrnoException {
        try (Guest guest = guest()) {
            guest.finish();
            DeviceState state = guest.save();
            var account = state.section("bar4").section("account");
            assertEquals(guest.registers.account().credit(), account.number("credit"));
            assertEquals(guest.registers.account().lead(), account.number("lead"));
            var restored = new Account();
            restored.restore(account);
            assertEquals(account, restored.save());
        }
    }

    /** A state that no version has written is refused. */
    @ParameterizedTest(name = "{0} = {1}")
    @CsvSource(delimiter = '|', textBlock = """
            slots   | 3       | state: no ring has 3 slots at 0x100000000
            slots   | 0       | state: slots is 0, not 2 to 65536
            base    | 1       | state: no ring has 8 slots at 0x1
            head    | 8       | state: head is 8, not 0 to 7
            tail    | -1      | state: tail is -1, not 0 to 7
            command | x       | state: command is not bytes
            """)
    void invalidRingIsRefused(String field, String value, String message) throws ErrnoException {
        try (Guest guest = guest()) {
            DeviceState state = guest.save();
            DeviceState ring = state.section("bar4").section("ring");
            Object wrong = value.equals("x") ? value : Long.valueOf(value);
            DeviceState changed =
                    changed(state, "bar4", changed(state.section("bar4"), "ring", changed(ring, field, wrong)));
            var refused = assertThrows(ErrnoException.class, () -> guest.replace(next, changed));
            assertEquals(message, refused.getMessage());
            assertFalse(guest.busy());
        }
    }

    private static DeviceState changed(DeviceState state, String field, Object value) {
        Map<String, Object> fields = new HashMap<>(state.fields());
        fields.put(field, value instanceof DeviceState nested ? nested.fields() : value);
        return new DeviceState(state.version(), fields);
    }
}
