package vendor.gpusim.engine;

import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.nio.ByteOrder.LITTLE_ENDIAN;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.function.IntBinaryOperator;
import java.util.function.LongConsumer;

/** The pixel commands, executed line by line. */
final class Blitter {
    /** X11's GXcopy: ignores the destination. */
    static final int COPY = 3;

    private static final ValueLayout.OfInt PIXEL = JAVA_INT_UNALIGNED.withOrder(LITTLE_ENDIAN);
    private static final int OPAQUE = 255;

    /**
     * Buffers for a line of the source and of the destination, of the maximum surface width; not used across parts.
     */
    private final int[] source = new int[1 << 16];

    private final int[] destination = new int[1 << 16];

    private final int part;

    /** @param part the cost of a part, as {@link Work#PART} */
    Blitter(int part) {
        this.part = part;
    }

    Work fill(MemorySegment memory, RingCommand.Fill fill) throws Fault {
        Surface to = fill.to();
        to.check(memory.byteSize());
        return work(to, to.line() * to.height(), (from, end) -> {
            Arrays.fill(source, 0, to.width(), fill.colour());
            for (long y = from; y < end; y++) {
                put(memory, to, y, fill.rop());
            }
        });
    }

    Work copy(MemorySegment memory, RingCommand.Copy copy) throws Fault {
        Surface to = copy.to();
        Surface from = copy.from();
        if (copy.rop() == COPY) {
            return eachLine(memory, to, from, y -> MemorySegment.copy(memory, from.at(y), memory, to.at(y), to.line()));
        }
        return eachLine(memory, to, from, y -> {
            get(memory, from, y, source);
            combine(memory, to, y, (s, d) -> rop(copy.rop(), s, d));
        });
    }

    Work blend(MemorySegment memory, RingCommand.Blend blend) throws Fault {
        return eachLine(memory, blend.to(), blend.from(), y -> {
            get(memory, blend.from(), y, source);
            combine(memory, blend.to(), y, (s, d) -> over(s, d, blend.alpha()));
        });
    }

    Work stretch(MemorySegment memory, RingCommand.Stretch stretch) throws Fault {
        Surface to = stretch.to();
        Surface from = stretch.from();
        check(memory, to, from, !to.overlaps(from));
        return work(to, 2 * to.line() * to.height(), (begin, end) -> {
            for (long y = begin; y < end; y++) {
                // Reads only the needed pixels: a line of the source can be much longer than one of the destination.
                long line = from.at(y * from.height() / to.height());
                for (int x = 0; x < to.width(); x++) {
                    long nearest = (long) x * from.width() / to.width();
                    source[x] = memory.get(PIXEL, line + nearest * Surface.PIXEL);
                }
                put(memory, to, y, COPY);
            }
        });
    }

    /**
     * Processes each line of the source; starts at the end if the destination would otherwise overwrite unread lines.
     */
    private Work eachLine(MemorySegment memory, Surface to, Surface from, LongConsumer line) throws Fault {
        check(memory, to, from, to.stride() == from.stride() || !to.overlaps(from));
        boolean backwards = to.offset() > from.offset();
        return work(to, 2 * to.line() * to.height(), (begin, end) -> {
            for (long i = begin; i < end; i++) {
                line.accept(backwards ? to.height() - 1 - i : i);
            }
        });
    }

    /**
     * Checks that an overlapping source can be processed: a safe order of lines exists only if both surfaces have the
     * same stride.
     */
    private static void check(MemorySegment memory, Surface to, Surface from, boolean possible) throws Fault {
        to.check(memory.byteSize());
        from.check(memory.byteSize());
        if (!possible) {
            throw new Fault(Fault.Code.FIELD);
        }
    }

    /** Processes as many lines at once as fit into a part. */
    private Work work(Surface to, long bytes, Work.Items lines) {
        return new Work(to.height(), part / to.width(), bytes, lines);
    }

    private static void get(MemorySegment memory, Surface from, long y, int[] line) {
        MemorySegment.copy(memory, PIXEL, from.at(y), line, 0, from.width());
    }

    private void put(MemorySegment memory, Surface to, long y, int rop) {
        if (rop == COPY) {
            MemorySegment.copy(source, 0, memory, PIXEL, to.at(y), to.width());
        } else {
            combine(memory, to, y, (s, d) -> rop(rop, s, d));
        }
    }

    /** Combines each source pixel, in the buffer, with the old destination pixel. */
    private void combine(MemorySegment memory, Surface to, long y, IntBinaryOperator combination) {
        get(memory, to, y, destination);
        for (int x = 0; x < to.width(); x++) {
            destination[x] = combination.applyAsInt(source[x], destination[x]);
        }
        MemorySegment.copy(destination, 0, memory, PIXEL, to.at(y), to.width());
    }

    /**
     * The bits of {@code rop} give the result for each of the four combinations of source and destination bit, as in
     * X11.
     */
    private static int rop(int rop, int source, int destination) {
        return ((rop & 1) == 0 ? 0 : source & destination)
                | ((rop & 2) == 0 ? 0 : source & ~destination)
                | ((rop & 4) == 0 ? 0 : ~source & destination)
                | ((rop & 8) == 0 ? 0 : ~source & ~destination);
    }

    /** Porter and Duff's "over" with straight alpha, each channel rounded to the nearest. */
    private static int over(int source, int destination, int constant) {
        int alpha = mean(source >>> 24, 0, constant);
        int result = mean(OPAQUE, destination >>> 24, alpha) << 24;
        for (int shift = 0; shift < 24; shift += 8) {
            result |= mean((source >> shift) & 0xff, (destination >> shift) & 0xff, alpha) << shift;
        }
        return result;
    }

    private static int mean(int source, int destination, int alpha) {
        return (source * alpha + destination * (OPAQUE - alpha) + OPAQUE / 2) / OPAQUE;
    }
}
