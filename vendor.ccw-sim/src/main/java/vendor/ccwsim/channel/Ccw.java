package vendor.ccwsim.channel;

import java.lang.foreign.MemorySegment;

/**
 * {@code struct ccw1}: a channel-command word, in the terms of format 1.
 *
 * @param command the command code, 0 to 255
 * @param flags a set of the constants
 * @param count the number of bytes, 0 to 65535
 * @param cda the address of the data, of the list of IDAWs, or of the CCW to transfer to
 */
public record Ccw(int command, int flags, int count, int cda) {
    /** In bytes, in both formats. */
    public static final int SIZE = 8;

    /** Chain data; {@code CCW_FLAG_DC} of the kernel. */
    public static final int CD = 0x80;

    /** Chain commands. */
    public static final int CC = 0x40;

    /** Suppress the incorrect-length indication. */
    public static final int SLI = 0x20;

    /** Do not store the data of an input operation. */
    public static final int SKIP = 0x10;

    /** Program-controlled interruption. */
    public static final int PCI = 0x08;

    /** The address is of a list of indirect-data-address words. */
    public static final int IDA = 0x04;

    public static final int SUSPEND = 0x02;

    /** Modified indirect data addressing, which this channel does not have. */
    public static final int MIDA = 0x01;

    /** Write, without modifiers. */
    public static final int WRITE = 0x01;

    /** Read, without modifiers. */
    public static final int READ = 0x02;

    /** {@code CCW_CMD_NOOP}. */
    public static final int NOOP = 0x03;

    /** {@code CCW_CMD_BASIC_SENSE}. */
    public static final int BASIC_SENSE = 0x04;

    /** {@code CCW_CMD_TIC}: transfer in channel. */
    public static final int TIC = 0x08;

    /** {@code CCW_CMD_RDC}: read device characteristics. */
    public static final int RDC = 0x64;

    /** {@code CCW_CMD_SENSE_ID}. */
    public static final int SENSE_ID = 0xe4;

    /** @param offset of the word in the segment, in bytes */
    public static Ccw readFormat1(MemorySegment from, long offset) {
        int first = from.get(BigEndian.INT, offset);
        return new Ccw(first >>> 24, first >>> 16 & 0xff, first & 0xffff, from.get(BigEndian.INT, offset + 4));
    }

    /** Converts a word of format 0. A transfer in channel keeps only its address: its other fields are ignored. */
    public static Ccw readFormat0(MemorySegment from, long offset) {
        int first = from.get(BigEndian.INT, offset);
        int second = from.get(BigEndian.INT, offset + 4);
        int command = first >>> 24;
        int cda = first & 0xffffff;
        return (command & 0xf) == TIC ? new Ccw(TIC, 0, 0, cda) : new Ccw(command, second >>> 24, second & 0xffff, cda);
    }

    public void writeFormat1(MemorySegment to, long offset) {
        to.set(BigEndian.INT, offset, command << 24 | flags << 16 | count);
        to.set(BigEndian.INT, offset + 4, cda);
    }

    /** The address must be below 16 MiB. */
    public void writeFormat0(MemorySegment to, long offset) {
        to.set(BigEndian.INT, offset, command << 24 | cda);
        to.set(BigEndian.INT, offset + 4, flags << 24 | count);
    }

    public boolean isTic() {
        return command == TIC;
    }

    /** @param flag one of the constants, or several of which one suffices */
    public boolean has(int flag) {
        return (flags & flag) != 0;
    }

    /** Whether a command moves data to memory: read, read backward, sense. */
    static boolean isInput(int command) {
        return (command & 0x1) == 0;
    }

    /** Whether a command is a control command. */
    static boolean isControl(int command) {
        return (command & 0x3) == 0x3;
    }

    /** An unsigned address. */
    long address() {
        return Integer.toUnsignedLong(cda);
    }
}
