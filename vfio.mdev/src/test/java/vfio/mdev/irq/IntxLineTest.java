package vfio.mdev.irq;

import static org.junit.jupiter.api.Assertions.assertAll;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.function.Consumer;
import java.util.stream.Stream;
import mdev.sync.FaultLog;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.slf4j.helpers.NOPLogger;

class IntxLineTest {
    /** A line with its user's trigger. */
    static final class Rig {
        final IntxLine line = new IntxLine();
        final Signals first = new Signals();
        final Signals second = new Signals();

        Rig does(String steps) {
            for (String step : steps.split(" ", -1)) {
                switch (step) {
                    case "high" -> line.set(true);
                    case "low" -> line.set(false);
                    case "mask" -> line.mask();
                    case "unmask" -> line.unmask();
                    case "arm" -> line.arm(armed(first));
                    case "rearm" -> line.arm(armed(second));
                    case "disarm" -> line.disarm();
                    case "loop" -> line.loopback();
                    default -> throw new IllegalArgumentException(step);
                }
            }
            return this;
        }

        private static Armed armed(Signals signals) {
            return new Armed(signals, new FaultLog(NOPLogger.NOP_LOGGER, "test"));
        }
    }

    @ParameterizedTest
    @CsvSource({
        "arm high, 1, 0",
        "arm high high, 1, 0",
        "arm high low high, 1, 0", // automasked until unmask
        "arm high unmask, 2, 0",
        "arm high low unmask, 1, 0",
        "arm high low unmask high, 2, 0",
        "high arm, 1, 0",
        "high, 0, 0",
        "mask arm high, 0, 0",
        "arm mask high unmask, 1, 0",
        "arm mask high low unmask, 0, 0",
        "arm high mask unmask, 2, 0",
        "arm high rearm, 1, 1", // the successor is signalled if the line is high
        "arm mask high rearm, 0, 0", // but a mask of the user stays
        "arm mask high rearm unmask, 0, 1",
        "arm high disarm, 1, 0",
        "arm high disarm rearm, 1, 1", // as a VMM's reset does: no automask survives
        "arm mask disarm high rearm, 0, 1",
        "arm loop, 1, 0",
        "loop, 0, 0",
        "arm loop high, 2, 0"
    })
    void signalsWhenHighArmedAndNotMasked(String steps, int first, int second) {
        Rig rig = new Rig().does(steps);
        assertAll(
                () -> assertEquals(first, rig.first.signals.get(), "first"),
                () -> assertEquals(second, rig.second.signals.get(), "second"));
    }

    @Test
    void closesAReplacedTriggerOnce() {
        Rig rig = new Rig().does("arm high rearm unmask disarm high");
        assertAll(
                () -> assertEquals(1, rig.first.closes.get()),
                () -> assertEquals(1, rig.second.closes.get()),
                () -> assertEquals(0, rig.first.violations.get() + rig.second.violations.get()));
    }

    /**
     * The concurrent operations of two threads on a prepared line, the operations after them, and the required number
     * of signals, independent of the order.
     */
    record Contest(String prepared, String one, String other, String after, Consumer<Rig> check) {}

    static Stream<Contest> contests() {
        return Stream.of(
                new Contest("arm high low", "high", "unmask", "", exactly(2)),
                new Contest("low", "high", "arm", "", exactly(1)),
                new Contest("arm", "high", "high", "", exactly(1)),
                new Contest("arm high", "low", "unmask", "high", exactly(2)),
                new Contest("arm mask", "high", "unmask", "", exactly(1)),
                new Contest("arm mask high", "unmask", "low", "high", exactly(1)),
                new Contest("arm", "high", "rearm", "", rig -> {
                    assertEquals(1, rig.second.signals.get());
                    assertTrue(rig.first.signals.get() <= 1);
                }),
                new Contest("arm", "mask", "high", "unmask", rig -> {
                    int signals = rig.first.signals.get(); // the mask came first, or the unmask signals again
                    assertTrue(signals == 1 || signals == 2, "signals " + signals);
                }),
                new Contest("arm", "disarm", "high", "rearm", rig -> assertEquals(1, rig.second.signals.get())));
    }

    private static Consumer<Rig> exactly(int signals) {
        return rig -> assertEquals(signals, rig.first.signals.get());
    }

    @ParameterizedTest
    @MethodSource("contests")
    void losesAndInventsNothingInAnyInterleaving(Contest contest) throws Exception {
        Race.run(
                () -> new Rig().does(contest.prepared),
                rig -> rig.does(contest.one),
                rig -> rig.does(contest.other),
                rig -> {
                    if (!contest.after.isEmpty()) {
                        rig.does(contest.after);
                    }
                    contest.check.accept(rig);
                    assertEquals(0, rig.first.violations.get() + rig.second.violations.get());
                });
    }
}
