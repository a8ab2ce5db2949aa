package vendor.gpusim.engine;

/**
 * Pixels in the frame buffer, of 32 bits each.
 *
 * @param offset of the first pixel in bytes
 * @param stride from one line to the next in bytes
 * @param width in pixels
 * @param height in lines
 */
record Surface(long offset, long stride, int width, int height) {
    static final int PIXEL = 4;

    /** @throws Fault FIELD: empty, not aligned, or lines that overlap */
    static Surface of(long offset, long stride, int width, int height) throws Fault {
        if (width == 0 || height == 0 || ((offset | stride) & (PIXEL - 1)) != 0 || stride < (long) width * PIXEL) {
            throw new Fault(Fault.Code.FIELD);
        }
        return new Surface(offset, stride, width, height);
    }

    /** The length of a line in bytes, without padding. */
    long line() {
        return (long) width * PIXEL;
    }

    /** The offset of line {@code y}. */
    long at(long y) {
        return offset + y * stride;
    }

    /** Bytes from the first pixel to the last. */
    long span() {
        return (height - 1) * stride + line();
    }

    /** @throws Fault RANGE: not within a memory of this size */
    void check(long memory) throws Fault {
        if (offset < 0 || span() > memory || offset > memory - span()) {
            throw new Fault(Fault.Code.RANGE);
        }
    }

    boolean overlaps(Surface other) {
        return offset < other.offset + other.span() && other.offset < offset + span();
    }
}
