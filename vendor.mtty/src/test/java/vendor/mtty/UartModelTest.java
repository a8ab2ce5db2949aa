package vendor.mtty;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static vendor.mtty.SerialReg.*;

import java.util.SplittableRandom;
import java.util.UUID;
import java.util.function.Supplier;
import mdev.api.errno.ErrnoException;
import mdev.api.state.DeviceState;
import org.junit.jupiter.api.TestReporter;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Random accesses to both ports of a device, each compared with {@link ReferenceUart}, and the line with their OR. */
class UartModelTest {
    private static final int STEPS = 100_000;

    /** A fixed seed, and a new one for every run. {@code -Dmtty.seed=N} repeats a run. */
    @ParameterizedTest
    @CsvSource({"true, false", "false, false", "true, true", "false, true"})
    void answersLikeThePlainModel(boolean fixed, boolean replaced, TestReporter reporter) throws ErrnoException {
        long seed = fixed ? 16550 : Long.getLong("mtty.seed", System.nanoTime());
        reporter.publishEntry("mtty.seed", Long.toString(seed));
        var random = new SplittableRandom(seed);
        var device = new MttyDevice(new UUID(0, 1), MttyType.DUAL);
        var user = new UserIrqs();
        device.open(user);
        Port[] ports = {new Port(device, 0), new Port(device, 1)};
        ReferenceUart[] models = {new ReferenceUart(), new ReferenceUart()};
        for (int step = 0; step < STEPS; step++) {
            if (replaced && random.nextInt(20) == 0) {
                device = replacement(device, user);
                ports = new Port[] {new Port(device, 0), new Port(device, 1)};
            }
            int which = random.nextInt(2);
            int register = random.nextInt(8);
            int burst = register == DATA || register == LSR ? 1 + random.nextInt(20) : 1;
            boolean writing = random.nextBoolean();
            int now = step;
            Supplier<String> where = () -> "seed %d step %d port %d register %d".formatted(seed, now, which, register);
            for (int i = 0; i < burst; i++) {
                if (writing) {
                    int value = value(random, register);
                    ports[which].out(register, value);
                    models[which].write(register, value);
                } else {
                    assertEquals(models[which].read(register), ports[which].in(register), where);
                }
                assertEquals(models[0].interrupt() || models[1].interrupt(), user.line(), where);
            }
        }
    }

    /** Another object takes the device's place, as when the driver is updated. */
    private static MttyDevice replacement(MttyDevice before, UserIrqs user) throws ErrnoException {
        before.stop();
        DeviceState state = before.save();
        before.release();
        MttyDevice after = new MttyDevice(before.uuid(), before.type());
        after.open(user);
        after.restore(state);
        after.resume();
        return after;
    }

    /**
     * Mostly values that a driver writes: with DLAB and break half of the time, hardly any character would be received.
     */
    private static int value(SplittableRandom random, int register) {
        boolean wild = random.nextInt(8) == 0;
        return switch (register) {
            case LCR -> wild ? random.nextInt(256) : 0x03;
            case IIR_FCR -> wild ? random.nextInt(256) : FCR_ENABLE_FIFO | (random.nextInt(4) << FCR_TRIGGER_SHIFT);
            default -> random.nextInt(256);
        };
    }
}
