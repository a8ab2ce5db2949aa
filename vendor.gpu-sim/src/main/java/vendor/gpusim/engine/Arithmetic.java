package vendor.gpusim.engine;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.nio.ByteOrder.LITTLE_ENDIAN;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import mdev.api.errno.ErrnoException;
import vendor.gpusim.engine.Command.Compute;
import vendor.gpusim.engine.Fault.Code;

/** The compute command. Sums are made with 64 bits and rounded once. */
final class Arithmetic {
    private static final ValueLayout.OfFloat NUMBER = JAVA_FLOAT_UNALIGNED.withOrder(LITTLE_ENDIAN);

    private final int part;

    Arithmetic(int part) {
        this.part = part;
    }

    Work begin(MemorySegment memory, Compute command) throws Fault {
        check(memory, command.left(), command.leftLength());
        check(memory, command.right(), command.rightLength());
        check(memory, command.to(), command.length());
        if (command.operation() == Compute.Operation.MATRIX
                && (overlap(command, command.left(), command.leftLength())
                        || overlap(command, command.right(), command.rightLength()))) {
            throw new Fault(Code.FIELD);
        }
        long bytes = (command.leftLength() + command.rightLength() + command.length()) * Float.BYTES;
        return switch (command.operation()) {
            case ADD, MULTIPLY, MULTIPLY_ADD ->
                new Work(command.columns(), part, bytes, (from, to) -> vector(memory, command, from, to));
            case DOT -> new Work(command.columns(), part, bytes, new Dot(memory, command));
            case MATRIX ->
                new Work(
                        command.length(),
                        part / command.inner(),
                        bytes,
                        (from, to) -> matrix(memory, command, from, to));
        };
    }

    private static void check(MemorySegment memory, long offset, long numbers) throws Fault {
        if (numbers > memory.byteSize() / Float.BYTES
                || offset < 0
                || offset > memory.byteSize() - numbers * Float.BYTES) {
            throw new Fault(Code.RANGE);
        }
    }

    /** Whether the product would spoil a factor that is still to be read. */
    private static boolean overlap(Compute command, long offset, long numbers) {
        return offset < command.to() + command.length() * Float.BYTES && command.to() < offset + numbers * Float.BYTES;
    }

    /** Number by number, so that a vector that overlaps its result has a meaning too. */
    private static void vector(MemorySegment memory, Compute command, long from, long to) {
        for (long i = from; i < to; i++) {
            float left = get(memory, command.left(), i);
            float right = get(memory, command.right(), i);
            put(
                    memory,
                    command.to(),
                    i,
                    switch (command.operation()) {
                        case ADD -> left + right;
                        case MULTIPLY -> left * right;
                        default -> Math.fma(left, right, get(memory, command.to(), i));
                    });
        }
    }

    /** Keeps the sum from part to part. */
    private static final class Dot implements Work.Items {
        private final MemorySegment memory;
        private final Compute command;
        private double sum;

        Dot(MemorySegment memory, Compute command) {
            this.memory = memory;
            this.command = command;
        }

        @Override
        public void run(long from, long to) throws Fault, ErrnoException {
            for (long i = from; i < to; i++) {
                sum += (double) get(memory, command.left(), i) * get(memory, command.right(), i);
            }
            if (to == command.columns()) {
                put(memory, command.to(), 0, (float) sum);
            }
        }
    }

    private static void matrix(MemorySegment memory, Compute command, long from, long to) {
        int columns = command.columns();
        int inner = command.inner();
        for (long at = from; at < to; at++) {
            long row = at / columns;
            long column = at % columns;
            double sum = 0;
            for (long i = 0; i < inner; i++) {
                sum += (double) get(memory, command.left(), row * inner + i)
                        * get(memory, command.right(), i * columns + column);
            }
            put(memory, command.to(), at, (float) sum);
        }
    }

    private static float get(MemorySegment memory, long offset, long index) {
        return memory.get(NUMBER, offset + Float.BYTES * index);
    }

    private static void put(MemorySegment memory, long offset, long index, float value) {
        memory.set(NUMBER, offset + Float.BYTES * index, value);
    }
}
