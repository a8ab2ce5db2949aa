package vendor.gpusim.engine;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.nio.ByteOrder.LITTLE_ENDIAN;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import vendor.gpusim.engine.Command.Compute;
import vendor.gpusim.engine.Fault.Code;

/** The compute command. Sums are made with 64 bits and rounded once. */
final class Arithmetic {
    private static final ValueLayout.OfFloat NUMBER = JAVA_FLOAT_UNALIGNED.withOrder(LITTLE_ENDIAN);

    private Arithmetic() {}

    static long run(MemorySegment memory, Compute command) throws Fault {
        int columns = command.columns();
        long left = columns;
        long right = columns;
        long to = columns;
        switch (command.operation()) {
            case ADD, MULTIPLY, MULTIPLY_ADD -> {}
            case DOT -> to = 1;
            case MATRIX -> {
                left = (long) command.rows() * command.inner();
                right = (long) command.inner() * columns;
                to = (long) command.rows() * columns;
            }
        }
        check(memory, command.left(), left);
        check(memory, command.right(), right);
        check(memory, command.to(), to);
        switch (command.operation()) {
            case ADD, MULTIPLY, MULTIPLY_ADD -> vector(memory, command);
            case DOT -> put(memory, command.to(), 0, dot(memory, command));
            case MATRIX -> matrix(memory, command, (int) left, (int) right);
        }
        return (left + right + to) * Float.BYTES;
    }

    private static void check(MemorySegment memory, long offset, long numbers) throws Fault {
        if (offset < 0 || offset > memory.byteSize() - numbers * Float.BYTES) {
            throw new Fault(Code.RANGE);
        }
    }

    /** Number by number, so that a vector that overlaps its result has a meaning too. */
    private static void vector(MemorySegment memory, Compute command) {
        for (int i = 0; i < command.columns(); i++) {
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

    private static float dot(MemorySegment memory, Compute command) {
        double sum = 0;
        for (int i = 0; i < command.columns(); i++) {
            sum += (double) get(memory, command.left(), i) * get(memory, command.right(), i);
        }
        return (float) sum;
    }

    /** Both factors are read before the product is written: they may overlap it. */
    private static void matrix(MemorySegment memory, Compute command, int leftLength, int rightLength) {
        float[] left = numbers(memory, command.left(), leftLength);
        float[] right = numbers(memory, command.right(), rightLength);
        int columns = command.columns();
        for (int row = 0; row < command.rows(); row++) {
            for (int column = 0; column < columns; column++) {
                double sum = 0;
                for (int i = 0; i < command.inner(); i++) {
                    sum += (double) left[row * command.inner() + i] * right[i * columns + column];
                }
                put(memory, command.to(), row * columns + column, (float) sum);
            }
        }
    }

    private static float[] numbers(MemorySegment memory, long offset, int length) {
        float[] numbers = new float[length];
        MemorySegment.copy(memory, NUMBER, offset, numbers, 0, length);
        return numbers;
    }

    private static float get(MemorySegment memory, long offset, int index) {
        return memory.get(NUMBER, offset + (long) Float.BYTES * index);
    }

    private static void put(MemorySegment memory, long offset, int index, float value) {
        memory.set(NUMBER, offset + (long) Float.BYTES * index, value);
    }
}
