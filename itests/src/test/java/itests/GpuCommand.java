package itests;

import java.util.List;

/**
 * A command of vendor.gpu-sim's data sheet. Sizes and strides are in pixels, offsets in bytes.
 *
 * @param numbers the first numbers of its slot; the rest is 0
 */
record GpuCommand(List<Integer> numbers) {
    static final int PIXEL = 4;

    private static final int FILL = 1;
    private static final int UPLOAD = 5;
    private static final int DOWNLOAD = 6;
    private static final int COMPUTE = 7;
    private static final int FENCE = 8;

    /** Variants of FILL and COMPUTE. */
    private static final int ROP_COPY = 3 << 8;

    private static final int MATRIX = 4 << 8;

    private static GpuCommand of(Integer... numbers) {
        return new GpuCommand(List.of(numbers));
    }

    static GpuCommand fill(int colour, int width, int height, int stride, int offset) {
        return of(FILL | ROP_COPY, colour, size(width, height), stride * PIXEL, offset, 0);
    }

    static GpuCommand upload(int width, int height, int stride, int offset, long bus, int busStride) {
        return of(UPLOAD, 0, size(width, height), stride * PIXEL, offset, 0, 0, busStride * PIXEL, (int) bus, (int)
                (bus >>> 32));
    }

    static GpuCommand download(int width, int height, int stride, int offset, long bus, int busStride) {
        return of(
                DOWNLOAD,
                0,
                size(width, height),
                busStride * PIXEL,
                (int) bus,
                (int) (bus >>> 32),
                0,
                stride * PIXEL,
                offset,
                0);
    }

    /** The product of two square matrices of floats. */
    static GpuCommand matrix(int side, int to, int left, int right) {
        return of(COMPUTE | MATRIX, 0, side, side, to, 0, side, 0, left, 0, right, 0);
    }

    static GpuCommand fence(int value) {
        return of(FENCE, value);
    }

    private static int size(int width, int height) {
        return width | height << 16;
    }
}
