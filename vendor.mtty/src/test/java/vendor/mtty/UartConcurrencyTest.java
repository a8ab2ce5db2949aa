package vendor.mtty;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static vendor.mtty.SerialReg.*;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.UUID;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;

/**
 * Two processors on the two ports of a device. Whenever both are idle, the line matches the ports' IIRs: no interrupt
 * is lost, and none is spurious. Fails when the methods of {@link Uart16550A} are not synchronized.
 */
class UartConcurrencyTest {
    /**
     * Many short rounds: only the last access of each round is sensitive to the order relative to the other processor.
     */
    private static final int ROUNDS = 10_000;

    private final MttyDevice device = new MttyDevice(new UUID(0, 1), MttyType.DUAL);
    private final UserIrqs user = new UserIrqs();
    private final AtomicInteger arrivals = new AtomicInteger();

    @Test
    void lineIsCorrectWhenBothThreadsRest() throws Exception {
        device.open(user);
        try (var pool = Executors.newFixedThreadPool(2)) {
            List<Future<?>> processors = new ArrayList<>();
            for (int i = 0; i < 2; i++) {
                int seed = i;
                processors.add(pool.submit(() -> {
                    run(seed);
                    return null;
                }));
            }
            for (Future<?> processor : processors) {
                processor.get();
            }
        }
    }

    private void run(int seed) throws TimeoutException {
        var random = new SplittableRandom(seed);
        Port[] ports = {new Port(device, 0), new Port(device, 1)};
        for (int round = 0; round < ROUNDS; round++) {
            int accesses = 1 + random.nextInt(4);
            meet(4 * round + 2);
            for (int i = 0; i < accesses; i++) {
                access(ports[random.nextInt(4) / 3], random);
            }
            meet(4 * round + 4);
            if (seed == 0) {
                boolean line = user.line();
                boolean told = (ports[0].in(IIR_FCR) & ports[1].in(IIR_FCR) & IIR_NO_INT) == 0;
                assertEquals(told, line, "round " + round);
            }
        }
    }

    private static void access(Port port, SplittableRandom random) {
        switch (random.nextInt(6)) {
            case 0 -> port.out(DATA, random.nextInt(256));
            case 1 -> port.in(DATA);
            case 2 -> port.out(IER, random.nextInt(16));
            case 3 -> port.in(IIR_FCR);
            case 4 -> port.in(LSR);
            default -> port.out(IIR_FCR, FCR_ENABLE_FIFO | (random.nextInt(4) == 0 ? FCR_CLEAR_RCVR : 0));
        }
    }

    /** Synchronizes with the other processor; times out if that one has failed. */
    private void meet(int count) throws TimeoutException {
        arrivals.incrementAndGet();
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
        for (int spins = 0; arrivals.get() < count; spins++) {
            if (System.nanoTime() > deadline) {
                throw new TimeoutException("the other processor did not come to " + count);
            }
            if (spins < 1000) {
                Thread.onSpinWait();
            } else {
                LockSupport.parkNanos(1);
            }
        }
    }
}
