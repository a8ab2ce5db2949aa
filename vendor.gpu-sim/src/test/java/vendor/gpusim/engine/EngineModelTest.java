package vendor.gpusim.engine;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.Arrays;
import java.util.SplittableRandom;
import mdev.api.errno.ErrnoException;
import org.junit.jupiter.api.TestReporter;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Random valid commands have the same results as in {@link Reference}. */
class EngineModelTest {
    private static final int SIZE = 1 << 14;
    private static final int COMMANDS = 2000;

    /** Also if commands are executed in many parts, or the driver is updated before they are complete. */
    @ParameterizedTest(name = "fixed {0}, parts of {1}, updates {2}")
    @CsvSource({
        "true, 65536, false",
        "true, 50, false",
        "true, 50, true",
        "false, 65536, false",
        "false, 50, false",
        "false, 50, true",
    })
    void answersLikeThePlainModel(boolean fixed, int part, boolean updates, TestReporter reporter)
            throws ErrnoException {
        long seed = fixed ? 1234 : Long.getLong("gpu.seed", System.nanoTime());
        reporter.publishEntry("gpu.seed", Long.toString(seed));
        var random = new SplittableRandom(seed);
        try (var engine = new Engine("gpu0", part, Duration.ofMinutes(1));
                var next = new Engine("gpu0", part, Duration.ofMinutes(1));
                var guest = new Guest(engine, SIZE, Guest.BUFFER + SIZE, 1)) {
            byte[] noise = new byte[SIZE];
            random.nextBytes(noise);
            guest.frameBuffer.copyFrom(MemorySegment.ofArray(noise));
            guest.memory.asSlice(Guest.BUFFER).copyFrom(MemorySegment.ofArray(noise));
            var model = MemorySegment.ofArray(guest.frameBuffer.toArray(JAVA_BYTE));
            var modelGuest =
                    MemorySegment.ofArray(guest.memory.asSlice(Guest.BUFFER).toArray(JAVA_BYTE));
            var reference = new Reference(model, modelGuest);
            guest.enable();
            for (int i = 0; i < COMMANDS; i++) {
                int[] command = command(random);
                reference.run(command);
                guest.submit(onTheBus(command));
                if (updates && random.nextBoolean()) {
                    guest.replace(i % 2 == 0 ? next : engine, guest.save());
                }
                guest.finish();
                String told = "seed " + seed + ", command " + i + ": " + Arrays.toString(command);
                assertEquals(-1, model.mismatch(guest.frameBuffer), told);
                assertEquals(-1, modelGuest.mismatch(guest.memory.asSlice(Guest.BUFFER)), told);
            }
        }
    }

    /** A command in the form of the reference: an offset in the guest's buffer instead of a bus address. */
    private static int[] command(SplittableRandom random) {
        int[] c = new int[10];
        int opcode = random.nextInt(1, 7);
        int width = random.nextInt(1, 24);
        int height = random.nextInt(1, 24);
        c[0] = opcode | (opcode <= 2 ? random.nextInt(16) << 8 : 0);
        c[2] = width | height << 16;
        c[3] = stride(random, width);
        c[4] = offset(random, c[3] * height, SIZE);
        if (opcode == 1) {
            c[1] = random.nextInt();
        } else if (opcode == 3) {
            // One half of the frame buffer for each, so that they do not overlap.
            int fromWidth = random.nextInt(1, 24);
            int fromHeight = random.nextInt(1, 24);
            c[6] = fromWidth | fromHeight << 16;
            c[7] = stride(random, fromWidth);
            c[4] = offset(random, c[3] * height, SIZE / 2);
            c[8] = SIZE / 2 + offset(random, c[7] * fromHeight, SIZE / 2);
        } else {
            boolean mayOverlap = (opcode == 2 || opcode == 4) && random.nextBoolean();
            c[7] = mayOverlap ? c[3] : stride(random, width);
            c[8] = offset(random, c[7] * height, SIZE);
            if (opcode <= 4 && !mayOverlap) {
                c[4] = offset(random, c[3] * height, SIZE / 2);
                c[8] = SIZE / 2 + offset(random, c[7] * height, SIZE / 2);
            }
            c[1] = opcode == 4 ? random.nextInt(256) : 0;
        }
        return c;
    }

    private static int stride(SplittableRandom random, int width) {
        return 4 * (width + random.nextInt(3) * random.nextInt(20));
    }

    private static int offset(SplittableRandom random, int span, int end) {
        return 4 * random.nextInt((end - span) / 4 + 1);
    }

    private static int[] onTheBus(int[] command) {
        int[] c = command.clone();
        long bus = Guest.BUS + Guest.BUFFER;
        switch (c[0] & 0xff) {
            case 5 -> {
                c[9] = (int) ((bus + c[8]) >>> 32);
                c[8] += (int) bus;
            }
            case 6 -> {
                c[5] = (int) ((bus + c[4]) >>> 32);
                c[4] += (int) bus;
            }
            default -> {
                // Frame buffer only.
            }
        }
        return c;
    }

    /** Vectors and matrices of random numbers. */
    @ParameterizedTest(name = "seed {0}, parts of {1}, updates {2}")
    @CsvSource({"1, 65536, false", "2, 65536, false", "3, 5, false", "4, 5, true"})
    void computesLikeThePlainModel(long seed, int part, boolean updates) throws ErrnoException {
        var random = new SplittableRandom(seed);
        try (var engine = new Engine("gpu0", part, Duration.ofMinutes(1));
                var next = new Engine("gpu0", part, Duration.ofMinutes(1));
                var guest = new Guest(engine, SIZE, Guest.BUFFER, 1)) {
            guest.enable();
            for (int i = 0; i < SIZE; i += 4) {
                guest.frameBuffer.set(Guest.FLOAT, i, (float) random.nextDouble(-1000, 1000));
            }
            var model = MemorySegment.ofArray(guest.frameBuffer.toArray(JAVA_BYTE));
            var reference = new Reference(model, guest.memory);
            for (int i = 0; i < 200; i++) {
                int operation = random.nextInt(5);
                int columns = random.nextInt(1, 16);
                int rows = operation == 4 ? random.nextInt(1, 16) : 1;
                int inner = operation == 4 ? random.nextInt(1, 16) : 0;
                // Thirds of the memory: constant factors, and results.
                int left = 4 * random.nextInt(1000);
                int right = 4 * random.nextInt(1000);
                int to = SIZE / 2 + 4 * random.nextInt(1000);
                if (operation == 3) {
                    reference.compute(4, to, left, right, 1, 1, columns);
                } else {
                    reference.compute(operation, to, left, right, columns, rows, inner);
                }
                guest.submit(
                        7 | operation << 8, 0, columns, operation == 4 ? rows : 0, to, 0, inner, 0, left, 0, right, 0);
                if (updates) {
                    guest.replace(i % 2 == 0 ? next : engine, guest.save());
                }
                guest.finish();
                assertEquals(-1, model.mismatch(guest.frameBuffer), "seed " + seed + ", command " + i);
            }
        }
    }
}
