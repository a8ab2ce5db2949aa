package vendor.gpusim.engine;

import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.nio.ByteOrder.LITTLE_ENDIAN;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import vendor.gpusim.engine.Command.Compute;
import vendor.gpusim.engine.Fault.Code;

/** A slot of the ring: 16 numbers of 32 bits. What a command does not use must be 0, so that it can mean something some day. */
final class Decoder {
    static final int SLOT = 64;

    private static final ValueLayout.OfInt NUMBER = JAVA_INT_UNALIGNED.withOrder(LITTLE_ENDIAN);
    private static final int NUMBERS = SLOT / 4;

    private static final int HEAD = 0;
    private static final int VALUE = 1;
    private static final int SIZE = 2;
    private static final int TO_STRIDE = 3;
    private static final int TO = 4;
    private static final int FROM_SIZE = 6;
    private static final int FROM_STRIDE = 7;
    private static final int FROM = 8;
    private static final int RIGHT = 10;

    private static final int ROPS = 16;
    private static final int OPERATIONS = 5;
    private static final int OPAQUE = 255;

    /** The longest sum for one number of a matrix: what cannot be done in parts must be short. */
    private static final int MOST_INNER = 1 << 16;

    private final MemorySegment slot;

    /** A bit for each number that has been looked at. */
    private int used;

    private Decoder(MemorySegment slot) {
        this.slot = slot;
    }

    static Command decode(MemorySegment slot) throws Fault {
        var decoder = new Decoder(slot);
        Command command = decoder.command();
        decoder.checkRest();
        return command;
    }

    private Command command() throws Fault {
        int head = number(HEAD);
        int opcode = head & 0xff;
        int option = below(head >>> 8, options(opcode));
        return switch (opcode) {
            case 0 -> new Command.Nop();
            case 1 -> new Command.Fill(to(), number(VALUE), option);
            case 2 -> copy(option);
            case 3 -> stretch();
            case 4 -> blend();
            case 5 -> new Command.Upload(to(), address(FROM), unsigned(FROM_STRIDE));
            case 6 -> new Command.Download(address(TO), unsigned(TO_STRIDE), from(SIZE));
            case 7 -> compute(option);
            case 8 -> new Command.Fence(number(VALUE), option == 1);
            default -> throw new Fault(Code.OPCODE);
        };
    }

    /** How many variants a command has. */
    private static int options(int opcode) throws Fault {
        return switch (opcode) {
            case 1, 2 -> ROPS;
            case 7 -> OPERATIONS;
            case 8 -> 2;
            case 0, 3, 4, 5, 6 -> 1;
            default -> throw new Fault(Code.OPCODE);
        };
    }

    private Command copy(int rop) throws Fault {
        Surface to = to();
        Surface from = from(SIZE);
        return new Command.Copy(to, alike(to, from), rop);
    }

    private Command stretch() throws Fault {
        Surface to = to();
        Surface from = from(FROM_SIZE);
        if (to.overlaps(from)) {
            throw new Fault(Code.FIELD);
        }
        return new Command.Stretch(to, from);
    }

    private Command blend() throws Fault {
        Surface to = to();
        Surface from = from(SIZE);
        return new Command.Blend(to, alike(to, from), below(number(VALUE), OPAQUE + 1));
    }

    /** Lines of a source that overlaps can only be taken in an order that does not spoil it when both have the same stride. */
    private static Surface alike(Surface to, Surface from) throws Fault {
        if (to.stride() != from.stride() && to.overlaps(from)) {
            throw new Fault(Code.FIELD);
        }
        return from;
    }

    private Command compute(int operation) throws Fault {
        var kind = switch (operation) {
            case 0 -> Compute.Operation.ADD;
            case 1 -> Compute.Operation.MULTIPLY;
            case 2 -> Compute.Operation.MULTIPLY_ADD;
            case 3 -> Compute.Operation.DOT;
            default -> Compute.Operation.MATRIX;
        };
        boolean matrix = kind == Compute.Operation.MATRIX;
        int columns = number(SIZE);
        int rows = matrix ? number(TO_STRIDE) : 1;
        int inner = matrix ? number(FROM_SIZE) : 0;
        if (columns <= 0 || rows <= 0 || (matrix && (inner <= 0 || inner > MOST_INNER))) {
            throw new Fault(Code.FIELD);
        }
        return new Compute(kind, aligned(TO), aligned(FROM), aligned(RIGHT), columns, rows, inner);
    }

    private Surface to() throws Fault {
        return surface(TO, TO_STRIDE, SIZE);
    }

    private Surface from(int size) throws Fault {
        return surface(FROM, FROM_STRIDE, size);
    }

    private Surface surface(int offset, int stride, int size) throws Fault {
        int both = number(size);
        return Surface.of(address(offset), unsigned(stride), both & 0xffff, both >>> 16);
    }

    private long unsigned(int at) {
        return Integer.toUnsignedLong(number(at));
    }

    private long aligned(int at) throws Fault {
        long offset = address(at);
        if ((offset & (Float.BYTES - 1)) != 0) {
            throw new Fault(Code.FIELD);
        }
        return offset;
    }

    private long address(int at) {
        return unsigned(at) | (long) number(at + 1) << 32;
    }

    private int number(int at) {
        used |= 1 << at;
        return slot.get(NUMBER, 4L * at);
    }

    private static int below(int value, int end) throws Fault {
        if (value < 0 || value >= end) {
            throw new Fault(Code.FIELD);
        }
        return value;
    }

    private void checkRest() throws Fault {
        for (int at = 0; at < NUMBERS; at++) {
            if ((used & 1 << at) == 0 && number(at) != 0) {
                throw new Fault(Code.FIELD);
            }
        }
    }
}
