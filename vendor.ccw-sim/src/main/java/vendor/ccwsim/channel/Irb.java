package vendor.ccwsim.channel;

import java.lang.foreign.MemorySegment;

/**
 * {@code struct irb}: the interruption-response block. The extended-control word is always zero: sense data are read
 * by a command.
 *
 * @param scsw the subchannel-status word
 * @param esw the first word of the extended-status word: the path mask, for a channel check also the logout
 */
public record Irb(Scsw scsw, int esw) {
    /** In bytes. */
    public static final int SIZE = 96;

    private static final int ESW_OFFSET = Scsw.SIZE;
    private static final int REST_OFFSET = ESW_OFFSET + 4;

    /** A block for a device that has one path, the last used. */
    public static Irb of(Scsw scsw) {
        // With format 0, also that the path mask is valid (fvf); no flag of esf: neither key, CCW nor IDAW was wrong.
        return new Irb(scsw, scsw.has(Scsw.ESWF) ? 0x0080_4000 : 0x0080_0000);
    }

    /** @param offset of the block in the segment, in bytes */
    public static Irb read(MemorySegment from, long offset) {
        return new Irb(Scsw.read(from, offset), from.get(BigEndian.INT, offset + ESW_OFFSET));
    }

    public void write(MemorySegment to, long offset) {
        scsw.write(to, offset);
        to.set(BigEndian.INT, offset + ESW_OFFSET, esw);
        to.asSlice(offset + REST_OFFSET, SIZE - REST_OFFSET).fill((byte) 0);
    }
}
