package vendor.gpusim.engine;

/** A command as decoded; the fields that a slot has are in {@link Decoder}, the meaning in the data sheet. */
sealed interface Command {
    record Nop() implements Command {}

    /** {@code rop} is one of X11's 16 raster operations, here and in {@link Copy}. */
    record Fill(Surface to, int colour, int rop) implements Command {}

    record Copy(Surface to, Surface from, int rop) implements Command {}

    /** Each pixel is the nearest of the source. */
    record Stretch(Surface to, Surface from) implements Command {}

    /** The source over the destination: by its alpha times {@code alpha} / 255. */
    record Blend(Surface to, Surface from, int alpha) implements Command {}

    /** From guest memory, whose lines are {@code stride} bytes apart. */
    record Upload(Surface to, long iova, long stride) implements Command {}

    record Download(long iova, long stride, Surface from) implements Command {}

    /**
     * Arithmetic on numbers of 32 bits in the frame buffer (IEEE 754).
     *
     * @param columns of the result, or the length of the vectors
     * @param rows of the result; 1 for vectors
     * @param inner the length of what is summed for each number of a matrix; 0 for vectors
     */
    record Compute(Operation operation, long to, long left, long right, int columns, int rows, int inner)
            implements Command {
        /** How many numbers the left operand has. */
        long leftLength() {
            return operation == Operation.MATRIX ? (long) rows * inner : columns;
        }

        long rightLength() {
            return operation == Operation.MATRIX ? (long) inner * columns : columns;
        }

        /** How many numbers the result has. */
        long length() {
            return operation == Operation.DOT ? 1 : (long) rows * columns;
        }

        enum Operation {
            ADD,
            MULTIPLY,
            MULTIPLY_ADD,
            DOT,
            MATRIX
        }
    }

    record Fence(int value, boolean frame) implements Command {}
}
