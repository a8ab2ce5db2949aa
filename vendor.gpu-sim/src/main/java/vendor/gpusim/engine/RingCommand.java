package vendor.gpusim.engine;

/** A decoded command; {@link Decoder} has the layout of a slot, the data sheet the semantics. */
sealed interface RingCommand {
    record Nop() implements RingCommand {}

    /** {@code rop} is one of X11's 16 raster operations, here and in {@link Copy}. */
    record Fill(Surface to, int colour, int rop) implements RingCommand {}

    record Copy(Surface to, Surface from, int rop) implements RingCommand {}

    /** Each pixel is the nearest source pixel. */
    record Stretch(Surface to, Surface from) implements RingCommand {}

    /** The source over the destination, with the source's alpha times {@code alpha} / 255. */
    record Blend(Surface to, Surface from, int alpha) implements RingCommand {}

    /** From guest memory, whose lines are {@code stride} bytes apart. */
    record Upload(Surface to, long iova, long stride) implements RingCommand {}

    record Download(long iova, long stride, Surface from) implements RingCommand {}

    /** Arithmetic on pairs of numbers (IEEE 754, 32 bits) in the frame buffer. */
    record Vector(Operation operation, long to, long left, long right, int length) implements RingCommand {
        enum Operation {
            ADD,
            MULTIPLY,
            MULTIPLY_ADD
        }
    }

    /**
     * The product of two matrices of such numbers.
     *
     * @param columns the columns of the product and of the right factor
     * @param rows the rows of the product and of the left factor
     * @param inner the columns of the left factor and the rows of the right one
     */
    record Matrix(long to, long left, long right, int columns, int rows, int inner) implements RingCommand {}

    record Fence(int value, boolean frame) implements RingCommand {}
}
