package vfio.mdev.irq;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import mdev.sync.FaultLog;
import org.junit.jupiter.api.Named;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.slf4j.helpers.NOPLogger;

/** A trigger is closed exactly once, and neither while a signal runs nor before one. */
class TriggerCloseTest {
    static List<Named<Supplier<Vector>>> vectors() {
        return List.of(Named.of("edge", () -> new EdgeVector(true)), Named.of("line", IntxLine::new));
    }

    @ParameterizedTest
    @MethodSource("vectors")
    void closesWhenTheLastSignalHasLeft(Supplier<Vector> kind) throws InterruptedException {
        Vector vector = kind.get();
        FaultLog faults = new FaultLog(NOPLogger.NOP_LOGGER, "test");
        List<Signals> all = new ArrayList<>();
        Thread vendor = Thread.ofPlatform().start(() -> {
            while (!Thread.currentThread().isInterrupted()) {
                vector.loopback();
            }
        });
        for (int i = 0; i < 200_000; i++) {
            Signals next = new Signals();
            all.add(next);
            vector.arm(new Armed(next, faults));
        }
        vector.disarm();
        vendor.interrupt();
        vendor.join();
        for (Signals signals : all) {
            assertEquals(1, signals.closes.get());
            assertEquals(0, signals.violations.get());
        }
    }

    @ParameterizedTest
    @MethodSource("vectors")
    void throwingTriggersAffectNoOthers(Supplier<Vector> kind) {
        Vector vector = kind.get();
        FaultLog faults = new FaultLog(NOPLogger.NOP_LOGGER, "test");
        AtomicInteger signals = new AtomicInteger();
        vector.arm(new Armed(
                () -> {
                    signals.incrementAndGet();
                    throw new IllegalStateException("a user's fault");
                },
                faults));
        vector.loopback();
        vector.loopback();
        assertEquals(2, signals.get());
    }
}
