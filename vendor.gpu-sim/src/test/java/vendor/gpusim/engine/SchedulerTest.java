package vendor.gpusim.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.SplittableRandom;
import mdev.api.errno.ErrnoException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The division of ten seconds on a simulated clock, with commands of any length. */
class SchedulerTest {
    private static final long TEN_SECONDS = 10_000_000_000L;

    /** The time lost while no vGPU may run. */
    private static final long LOOK = 250_000;

    private final List<Guest> guests = new ArrayList<>();

    @AfterEach
    void close() {
        guests.forEach(Guest::close);
    }

    /** The types' shares of the GPU, the vGPUs with work, and the required percentage of each, within 5 % of it. */
    @ParameterizedTest(name = "{0}, parts 1/({1}), busy {2}: {3}")
    @CsvSource({
        "EQUAL_SHARE, 4 4 4 4, 1 1 1 1, 25 25 25 25",
        "BEST_EFFORT, 4 4 4 4, 1 1 1 1, 25 25 25 25",
        "FIXED_SHARE, 4 4 4 4, 1 1 1 1, 25 25 25 25",
        "EQUAL_SHARE, 2 4 8 8, 1 1 1 1, 25 25 25 25",
        "FIXED_SHARE, 2 4 8 8, 1 1 1 1, 50 25 12.5 12.5",
        "EQUAL_SHARE, 4 4 4 4, 1 0 1 0, 25 0 25 0",
        "FIXED_SHARE, 8 8, 1 1, 12.5 12.5",
        "BEST_EFFORT, 4 4 4 4, 1 0 1 0, 50 0 50 0",
        "BEST_EFFORT, 8 2, 1 0, 100 0",
    })
    void sharesFollowThePolicy(Policy policy, String parts, String busy, String percent) throws ErrnoException {
        var random = new SplittableRandom(7);
        var engine = new Engine("gpu0");
        engine.close(); // its thread must not take the work that is to be divided here
        String[] part = parts.split(" ", -1);
        String[] works = busy.split(" ", -1);
        for (int i = 0; i < part.length; i++) {
            var guest = new Guest(engine, 1 << 12, Guest.BUFFER, 1.0 / Integer.parseInt(part[i]));
            guests.add(guest);
            guest.enable();
            guest.write(EngineRegisters.TAIL, Integer.parseInt(works[i]));
        }
        var scheduler = new Scheduler();
        scheduler.users(guests.stream().map(guest -> guest.registers).toList());
        long now = 0;
        while (now < TEN_SECONDS) {
            Scheduler.User next = scheduler.next(policy);
            long time = next == null ? LOOK : Scheduler.SLICE + length(random, next);
            if (next != null) {
                scheduler.pay(next, time);
            }
            scheduler.earn(policy, time);
            now += time;
        }
        String[] expected = percent.split(" ", -1);
        for (int i = 0; i < expected.length; i++) {
            double right = Double.parseDouble(expected[i]);
            assertEquals(right, 100.0 * guests.get(i).counters.busy().get() / now, 0.05 * right, "vGPU " + i);
        }
    }

    /** A vGPU that is added, or returns, takes turns with the one that has used the engine alone so far. */
    @Test
    void newUserGetsNoCompensation() throws ErrnoException {
        var engine = new Engine("gpu0");
        engine.close();
        for (int i = 0; i < 2; i++) {
            var guest = new Guest(engine, 1 << 12, Guest.BUFFER, 1);
            guests.add(guest);
            guest.enable();
            guest.write(EngineRegisters.TAIL, 1);
        }
        var first = guests.get(0).registers;
        var scheduler = new Scheduler();
        scheduler.users(List.of(first));
        for (int i = 0; i < 10_000; i++) {
            scheduler.pay(Objects.requireNonNull(scheduler.next(Policy.BEST_EFFORT)), Scheduler.SLICE);
        }
        scheduler.users(List.of(first, guests.get(1).registers));
        for (int i = 0; i < 100; i++) {
            scheduler.pay(Objects.requireNonNull(scheduler.next(Policy.BEST_EFFORT)), Scheduler.SLICE);
        }
        assertEquals(50.0, (double) guests.get(1).counters.busy().get() / Scheduler.SLICE, 1);
    }

    /**
     * Under fixed_share the first vGPU has used four times as much as the second, as it should: afterwards it has no
     * debt.
     */
    @Test
    void policyChangeLeavesNoDebts() throws ErrnoException {
        var engine = new Engine("gpu0");
        engine.close();
        for (double share : new double[] {0.5, 0.125}) {
            var guest = new Guest(engine, 1 << 12, Guest.BUFFER, share);
            guests.add(guest);
            guest.enable();
            guest.write(EngineRegisters.TAIL, 1);
        }
        var scheduler = new Scheduler();
        scheduler.users(guests.stream().map(guest -> guest.registers).toList());
        serve(scheduler, Policy.FIXED_SHARE, 10_000);
        var counters = guests.getFirst().counters;
        long before = counters.busy().get();
        serve(scheduler, Policy.BEST_EFFORT, 100);
        assertEquals(50.0, (double) (counters.busy().get() - before) / Scheduler.SLICE, 5);
    }

    private static void serve(Scheduler scheduler, Policy policy, int slices) {
        for (int i = 0; i < slices; i++) {
            scheduler.earn(policy, Scheduler.SLICE);
            Scheduler.User next = scheduler.next(policy);
            if (next != null) {
                scheduler.pay(next, Scheduler.SLICE);
            }
        }
    }

    /** The last part of a turn exceeds it, by a different time for each guest. */
    private long length(SplittableRandom random, Scheduler.User user) {
        int index = guests.stream().map(guest -> guest.registers).toList().indexOf(user.registers);
        return random.nextLong(1 + index * Scheduler.SLICE);
    }
}
