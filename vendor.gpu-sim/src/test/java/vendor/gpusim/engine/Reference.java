package vendor.gpusim.engine;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;
import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import java.util.function.IntBinaryOperator;

/**
 * A straightforward implementation of the data sheet: pixel by pixel, on a copy of the sources. Accepts valid commands
 * only.
 */
final class Reference {
    private final MemorySegment memory;
    private final MemorySegment guest;

    Reference(MemorySegment memory, MemorySegment guest) {
        this.memory = memory;
        this.guest = guest;
    }

    void run(int[] c) {
        var before = MemorySegment.ofArray(memory.toArray(JAVA_BYTE));
        int width = c[2] & 0xffff;
        int height = c[2] >>> 16;
        int option = c[0] >>> 8;
        for (int y = 0; y < height; y++) {
            for (int x = 0; x < width; x++) {
                int to = c[4] + y * c[3] + 4 * x;
                int from = c[8] + y * c[7] + 4 * x;
                switch (c[0] & 0xff) {
                    case 1 -> set(memory, to, X11[option].applyAsInt(c[1], get(before, to)));
                    case 2 -> set(memory, to, X11[option].applyAsInt(get(before, from), get(before, to)));
                    case 3 -> {
                        int nearest = c[8] + (y * (c[6] >>> 16) / height) * c[7] + 4 * (x * (c[6] & 0xffff) / width);
                        set(memory, to, get(before, nearest));
                    }
                    case 4 -> set(memory, to, over(get(before, from), get(before, to), c[1]));
                    case 5 -> set(memory, to, get(guest, from));
                    case 6 -> set(guest, to, get(before, from));
                    default -> throw new IllegalArgumentException();
                }
            }
        }
    }

    void compute(int operation, int to, int left, int right, int columns, int rows, int inner) {
        var before = MemorySegment.ofArray(memory.toArray(JAVA_BYTE));
        for (int row = 0; row < rows; row++) {
            for (int column = 0; column < columns; column++) {
                float a = number(before, left + 4 * column);
                float b = number(before, right + 4 * column);
                switch (operation) {
                    case 0 -> number(to + 4 * column, a + b);
                    case 1 -> number(to + 4 * column, a * b);
                    case 2 -> number(to + 4 * column, (float) ((double) a * b + number(before, to + 4 * column)));
                    default -> {
                        double sum = 0;
                        for (int i = 0; i < inner; i++) {
                            sum += (double) number(before, left + 4 * (row * inner + i))
                                    * number(before, right + 4 * (i * columns + column));
                        }
                        number(to + 4 * (row * columns + column), (float) sum);
                    }
                }
            }
        }
    }

    /** GXclear to GXset, by their names (X.h). */
    private static final IntBinaryOperator[] X11 = {
        (s, d) -> 0,
        (s, d) -> s & d,
        (s, d) -> s & ~d,
        (s, d) -> s,
        (s, d) -> ~s & d,
        (s, d) -> d,
        (s, d) -> s ^ d,
        (s, d) -> s | d,
        (s, d) -> ~s & ~d,
        (s, d) -> ~s ^ d,
        (s, d) -> ~d,
        (s, d) -> s | ~d,
        (s, d) -> ~s,
        (s, d) -> ~s | d,
        (s, d) -> ~s | ~d,
        (s, d) -> ~0
    };

    private static int over(int source, int destination, int constant) {
        double alpha = Math.floor((source >>> 24) * constant / 255.0 + 0.5 - 1e-9);
        int result = 0;
        for (int channel = 0; channel < 4; channel++) {
            double from = channel == 3 ? 255 : (source >>> (8 * channel)) & 0xff;
            double to = (destination >>> (8 * channel)) & 0xff;
            double mixed = (from * alpha + to * (255 - alpha)) / 255;
            result |= (int) Math.floor(mixed + 0.5 - 1e-9) << (8 * channel);
        }
        return result;
    }

    private static int get(MemorySegment from, int at) {
        return from.get(JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN), at);
    }

    private static void set(MemorySegment to, int at, int value) {
        to.set(JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN), at, value);
    }

    private static float number(MemorySegment from, int at) {
        return from.get(JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN), at);
    }

    private void number(int at, float value) {
        memory.set(JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN), at, value);
    }
}
