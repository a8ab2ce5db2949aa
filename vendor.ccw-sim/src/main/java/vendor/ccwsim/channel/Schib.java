package vendor.ccwsim.channel;

import java.lang.foreign.MemorySegment;

/**
 * {@code struct schib}: the subchannel-information block.
 *
 * @param mba the measurement-block address
 * @param mda the model-dependent area
 */
public record Schib(Pmcw pmcw, Scsw scsw, long mba, int mda) {
    /** In bytes. */
    public static final int SIZE = 52;

    /** @param offset of the block in the segment, in bytes */
    public static Schib read(MemorySegment from, long offset) {
        return new Schib(
                Pmcw.read(from, offset),
                Scsw.read(from, offset + 28),
                from.get(BigEndian.LONG, offset + 40),
                from.get(BigEndian.INT, offset + 48));
    }

    public void write(MemorySegment to, long offset) {
        pmcw.write(to, offset);
        scsw.write(to, offset + 28);
        to.set(BigEndian.LONG, offset + 40, mba);
        to.set(BigEndian.INT, offset + 48, mda);
    }
}
