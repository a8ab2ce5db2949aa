package vendor.gpusim.engine;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.nio.ByteOrder.LITTLE_ENDIAN;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import vendor.gpusim.engine.Fault.Code;

/** The compute commands. Sums are computed with 64 bits and rounded once. */
record Arithmetic(int part) {
    private static final ValueLayout.OfFloat NUMBER = JAVA_FLOAT_UNALIGNED.withOrder(LITTLE_ENDIAN);

    /**
     * The cost of a multiplication in a matrix product, relative to one in a vector product: each operand may lie in a
     * different cache line.
     */
    private static final int SCATTERED = 8;

    /** Element by element, so that the result is defined even if it overlaps an operand. */
    Work vector(MemorySegment memory, RingCommand.Vector vector) throws Fault {
        int length = vector.length();
        check(memory, vector.left(), length);
        check(memory, vector.right(), length);
        check(memory, vector.to(), length);
        return new Work(length, part, 3L * Float.BYTES * length, (from, to) -> {
            for (long i = from; i < to; i++) {
                float left = get(memory, vector.left(), i);
                float right = get(memory, vector.right(), i);
                float result = switch (vector.operation()) {
                    case ADD -> left + right;
                    case MULTIPLY -> left * right;
                    case MULTIPLY_ADD -> Math.fma(left, right, get(memory, vector.to(), i));
                };
                put(memory, vector.to(), i, result);
            }
        });
    }

    Work matrix(MemorySegment memory, RingCommand.Matrix matrix) throws Fault {
        long left = (long) matrix.rows() * matrix.inner();
        long right = (long) matrix.inner() * matrix.columns();
        long product = (long) matrix.rows() * matrix.columns();
        check(memory, matrix.left(), left);
        check(memory, matrix.right(), right);
        check(memory, matrix.to(), product);
        if (overlap(matrix.to(), product, matrix.left(), left)
                || overlap(matrix.to(), product, matrix.right(), right)) {
            throw new Fault(Code.FIELD); // it would overwrite a factor before it is read
        }
        return new Work(
                product * matrix.inner(),
                part / SCATTERED,
                (left + right + product) * Float.BYTES,
                new Products(memory, matrix));
    }

    /** Computes one multiplication after another; keeps the current sum between parts. */
    private static final class Products implements Work.Items {
        private final MemorySegment memory;
        private final RingCommand.Matrix matrix;
        private double sum;

        Products(MemorySegment memory, RingCommand.Matrix matrix) {
            this.memory = memory;
            this.matrix = matrix;
        }

        @Override
        public double carry() {
            return sum;
        }

        @Override
        public void carry(double value) {
            sum = value;
        }

        @Override
        public void run(long from, long to) {
            int inner = matrix.inner();
            int columns = matrix.columns();
            for (long done = from; done < to; ) {
                long number = done / inner;
                long begin = done % inner;
                long end = Math.min(inner, begin + to - done);
                long row = number / columns * inner;
                long column = number % columns;
                for (long i = begin; i < end; i++) {
                    sum += (double) get(memory, matrix.left(), row + i)
                            * get(memory, matrix.right(), i * columns + column);
                }
                if (end == inner) {
                    put(memory, matrix.to(), number, (float) sum);
                    sum = 0;
                }
                done += end - begin;
            }
        }
    }

    private static void check(MemorySegment memory, long offset, long numbers) throws Fault {
        if (numbers > memory.byteSize() / Float.BYTES
                || offset < 0
                || offset > memory.byteSize() - numbers * Float.BYTES) {
            throw new Fault(Code.RANGE);
        }
    }

    /** Whether two arrays in memory overlap; their lengths are in numbers. */
    private static boolean overlap(long one, long ones, long other, long others) {
        return one < other + others * Float.BYTES && other < one + ones * Float.BYTES;
    }

    private static float get(MemorySegment memory, long offset, long index) {
        return memory.get(NUMBER, offset + Float.BYTES * index);
    }

    private static void put(MemorySegment memory, long offset, long index, float value) {
        memory.set(NUMBER, offset + Float.BYTES * index, value);
    }
}
