package vendor.gpusim.engine;

import static java.lang.foreign.ValueLayout.JAVA_INT_UNALIGNED;
import static java.nio.ByteOrder.LITTLE_ENDIAN;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import vendor.gpusim.engine.Fault.Code;
import vendor.gpusim.engine.RingCommand.Vector.Operation;

/**
 * Decodes a slot of the ring: 16 numbers of 32 bits. Unused numbers must be 0, so that they can get a meaning later.
 */
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

    private final MemorySegment slot;

    /** A bit for each number that has been read. */
    private int used;

    private Decoder(MemorySegment slot) {
        this.slot = slot;
    }

    static RingCommand decode(MemorySegment slot) throws Fault {
        var decoder = new Decoder(slot);
        RingCommand command = decoder.command();
        decoder.checkRest();
        return command;
    }

    private RingCommand command() throws Fault {
        int head = number(HEAD);
        int opcode = head & 0xff;
        int option = below(head >>> 8, options(opcode));
        return switch (opcode) {
            case 0 -> new RingCommand.Nop();
            case 1 -> new RingCommand.Fill(to(), number(VALUE), option);
            case 2 -> new RingCommand.Copy(to(), from(SIZE), option);
            case 3 -> new RingCommand.Stretch(to(), from(FROM_SIZE));
            case 4 -> new RingCommand.Blend(to(), from(SIZE), below(number(VALUE), OPAQUE + 1));
            case 5 -> new RingCommand.Upload(to(), address(FROM), unsigned(FROM_STRIDE));
            case 6 -> new RingCommand.Download(address(TO), unsigned(TO_STRIDE), from(SIZE));
            case 7 -> compute(option);
            case 8 -> new RingCommand.Fence(number(VALUE), option == 1);
            default -> throw new Fault(Code.OPCODE);
        };
    }

    /** The number of variants of a command. */
    private static int options(int opcode) throws Fault {
        return switch (opcode) {
            case 1, 2 -> ROPS;
            case 7 -> OPERATIONS;
            case 8 -> 2;
            case 0, 3, 4, 5, 6 -> 1;
            default -> throw new Fault(Code.OPCODE);
        };
    }

    private RingCommand compute(int operation) throws Fault {
        long to = aligned(TO);
        long left = aligned(FROM);
        long right = aligned(RIGHT);
        int columns = positive(SIZE);
        return switch (operation) {
            case 0 -> new RingCommand.Vector(Operation.ADD, to, left, right, columns);
            case 1 -> new RingCommand.Vector(Operation.MULTIPLY, to, left, right, columns);
            case 2 -> new RingCommand.Vector(Operation.MULTIPLY_ADD, to, left, right, columns);
            case 3 -> new RingCommand.Matrix(to, left, right, 1, 1, columns);
            default -> new RingCommand.Matrix(to, left, right, columns, positive(TO_STRIDE), positive(FROM_SIZE));
        };
    }

    private int positive(int at) throws Fault {
        int number = number(at);
        if (number <= 0) {
            throw new Fault(Code.FIELD);
        }
        return number;
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
