package vendor.gpusim.engine;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.DoubleUnaryOperator;
import java.util.stream.LongStream;
import mdev.api.errno.ErrnoException;
import org.junit.jupiter.api.Test;

/**
 * The engine's throughput, compared with the machine's, and its division between vGPUs. Not part of {@code verify}; run
 * by {@code cnf/bench engine}.
 */
final class EngineBench {
    private static final int WIDTH = 1920;
    private static final int HEIGHT = 1080;
    private static final int STRIDE = WIDTH * Surface.PIXEL;
    private static final int SCREEN = STRIDE * HEIGHT;

    /** Memory for a screen. */
    private static final int HALF = 8 << 20;

    private static final int ROUNDS = 21;
    private static final int SCREENS = 20;
    private static final int COMMANDS = 20_000;
    private static final int FENCES = 2_000;
    private static final int GUESTS = 4;
    private static final long SECOND = 1_000_000_000;
    private static final long BUSY = 10 * SECOND;
    private static final long PAUSE = 100_000;

    @FunctionalInterface
    private interface Step {
        void run() throws ErrnoException;
    }

    @Test
    void measure() throws ErrnoException {
        try (Engine engine = new Engine("gpu0");
                Guest guest = new Guest(engine, 2 * HALF, Guest.BUFFER, 1)) {
            guest.enable();
            MemorySegment memory = MemorySegment.ofArray(new byte[2 * HALF]);
            bandwidth(
                    "fill, GB/s; plain memory",
                    () -> screens(guest, 1 | 3 << 8, 0x123456, WIDTH | HEIGHT << 16, STRIDE, 0),
                    () -> repeat(() -> memory.asSlice(0, SCREEN).fill((byte) 0x12)));
            bandwidth(
                    "copy, GB/s; plain memory",
                    () -> screens(guest, 2 | 3 << 8, 0, WIDTH | HEIGHT << 16, STRIDE, HALF, 0, 0, STRIDE, 0),
                    () -> repeat(() -> MemorySegment.copy(memory, 0, memory, HALF, SCREEN)));
            try (Echo echo = new Echo()) {
                compare(
                        "commands through the ring, million/s; numbers that another thread takes, one after the other",
                        nanos -> COMMANDS * 1e3 / nanos,
                        () -> {
                            for (int i = 0; i < COMMANDS; i++) {
                                guest.submit(0);
                            }
                            guest.finish();
                        },
                        () -> echo.exchange(COMMANDS, false));
                compare(
                        "doorbell to fence interrupt, us; another thread that is woken and answers",
                        nanos -> nanos / 1e3 / FENCES,
                        () -> {
                            for (int i = 0; i < FENCES; i++) {
                                int before = guest.interrupts.get(EngineRegisters.RING_DONE);
                                guest.submit(8, i);
                                Guest.await(
                                        "the interrupt",
                                        () -> guest.interrupts.get(EngineRegisters.RING_DONE) != before);
                            }
                        },
                        () -> echo.exchange(FENCES, true));
            }
        }
        for (Policy policy : Policy.values()) {
            share(policy);
        }
    }

    private static void screens(Guest guest, int... command) throws ErrnoException {
        for (int i = 0; i < SCREENS; i++) {
            guest.submit(command);
        }
        guest.finish();
    }

    private static void repeat(Step step) throws ErrnoException {
        for (int i = 0; i < SCREENS; i++) {
            step.run();
        }
    }

    private static double time(Step step) throws ErrnoException {
        long start = System.nanoTime();
        step.run();
        return System.nanoTime() - start;
    }

    private static void bandwidth(String what, Step engines, Step machines) throws ErrnoException {
        compare(what, nanos -> (double) SCREENS * SCREEN / nanos, engines, machines);
    }

    /** Alternates both measurements; the first rounds are a warm-up. */
    private static void compare(String what, DoubleUnaryOperator figure, Step engines, Step machines)
            throws ErrnoException {
        List<Double> engine = new ArrayList<>();
        List<Double> machine = new ArrayList<>();
        List<Double> ratio = new ArrayList<>();
        for (int round = -ROUNDS; round < ROUNDS; round++) {
            double one = figure.applyAsDouble(time(engines));
            double other = figure.applyAsDouble(time(machines));
            if (round >= 0) {
                engine.add(one);
                machine.add(other);
                ratio.add(one / other);
            }
        }
        System.out.println(what + ": " + text(engine) + "; " + text(machine) + "; ratio " + text(ratio));
    }

    /**
     * The machine's performance without an engine: a thread that receives a number, asleep before it arrives or not.
     */
    private static final class Echo implements AutoCloseable {
        private final AtomicInteger asked = new AtomicInteger();
        private final AtomicInteger answered = new AtomicInteger();
        private volatile boolean closed;
        private final Thread thread = Thread.ofPlatform().daemon().start(this::answer);

        private void answer() {
            while (!closed) {
                int number = asked.get();
                if (number == answered.get()) {
                    LockSupport.park(this);
                } else {
                    answered.set(number);
                }
            }
        }

        void exchange(int times, boolean waits) {
            for (int i = 0; i < times; i++) {
                int number = asked.incrementAndGet();
                LockSupport.unpark(thread);
                if (waits) {
                    Guest.await("the answer", () -> answered.get() == number);
                }
            }
            Guest.await("the last answer", () -> answered.get() == asked.get());
        }

        @Override
        public void close() {
            closed = true;
            LockSupport.unpark(thread);
        }
    }

    private static String text(List<Double> figures) {
        List<Double> sorted = figures.stream().sorted().toList();
        return String.format(
                Locale.ROOT, "%.2f (%.2f to %.2f)", sorted.get(sorted.size() / 2), sorted.getFirst(), sorted.getLast());
    }

    /**
     * Four guests with permanent work: a full ring of blends lasts for about ten turns, of different length for each
     * guest. One thread keeps all rings full.
     */
    private static void share(Policy policy) throws ErrnoException {
        List<Guest> guests = new ArrayList<>();
        try (Engine engine = new Engine("gpu0")) {
            engine.policy(policy);
            for (int i = 0; i < GUESTS; i++) {
                Guest guest = new Guest(engine, 2 * HALF, Guest.BUFFER, (i + 1) / 16.0);
                guest.enable();
                guests.add(guest);
            }
            long end = System.nanoTime() + BUSY;
            while (System.nanoTime() < end) {
                for (int i = 0; i < GUESTS; i++) {
                    while (guests.get(i).hasRoom()) {
                        guests.get(i).submit(4, 200, WIDTH | (HEIGHT - 200 * i) << 16, STRIDE, 0, 0, 0, STRIDE, HALF);
                    }
                }
                LockSupport.parkNanos(PAUSE);
            }
            long[] busy = guests.stream()
                    .mapToLong(guest -> guest.counters.busy().get())
                    .toArray();
            double mean = LongStream.of(busy).average().orElseThrow();
            System.out.printf(
                    Locale.ROOT,
                    "%s, %d busy vGPUs, %d s: busy ms %s; largest deviation from the mean %.2f %%%n",
                    policy.label(),
                    GUESTS,
                    BUSY / SECOND,
                    LongStream.of(busy).map(nanos -> nanos / 1_000_000).boxed().toList(),
                    100
                            * LongStream.of(busy)
                                    .mapToDouble(nanos -> Math.abs(nanos - mean))
                                    .max()
                                    .orElseThrow()
                            / mean);
        } finally {
            guests.forEach(Guest::close);
        }
    }
}
