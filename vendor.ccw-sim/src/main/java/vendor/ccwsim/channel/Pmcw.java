package vendor.ccwsim.channel;

import java.lang.foreign.MemorySegment;

/**
 * {@code struct pmcw}: the path-management-control word.
 *
 * @param intparm the interruption parameter
 * @param flags the 16 bits from {@code qf} to {@code dnv}
 * @param dev the device number
 * @param lpm the logical-path mask
 * @param pnom the path-not-operational mask
 * @param lpum the last-path-used mask
 * @param pim the path-installed mask
 * @param mbi the measurement-block index
 * @param pom the path-operational mask
 * @param pam the path-available mask
 * @param chpids the eight channel-path identifiers, the first in the highest byte
 * @param chars the last word, from {@code st} to {@code csense}
 */
public record Pmcw(
        int intparm,
        int flags,
        int dev,
        int lpm,
        int pnom,
        int lpum,
        int pim,
        int mbi,
        int pom,
        int pam,
        long chpids,
        int chars) {
    /** In bytes. */
    public static final int SIZE = 28;

    /** The subchannel is enabled. */
    public static final int ENA = 0x80;

    /** The device number is valid. */
    public static final int DNV = 0x01;

    /** The shift of the interruption subclass in the flags. */
    public static final int ISC_SHIFT = 11;

    /** @param offset of the word in the segment, in bytes */
    public static Pmcw read(MemorySegment from, long offset) {
        int device = from.get(BigEndian.INT, offset + 4);
        int masks = from.get(BigEndian.INT, offset + 8);
        int index = from.get(BigEndian.INT, offset + 12);
        return new Pmcw(
                from.get(BigEndian.INT, offset),
                device >>> 16,
                device & 0xffff,
                masks >>> 24,
                masks >>> 16 & 0xff,
                masks >>> 8 & 0xff,
                masks & 0xff,
                index >>> 16,
                index >>> 8 & 0xff,
                index & 0xff,
                from.get(BigEndian.LONG, offset + 16),
                from.get(BigEndian.INT, offset + 24));
    }

    public void write(MemorySegment to, long offset) {
        to.set(BigEndian.INT, offset, intparm);
        to.set(BigEndian.INT, offset + 4, flags << 16 | dev);
        to.set(BigEndian.INT, offset + 8, lpm << 24 | pnom << 16 | lpum << 8 | pim);
        to.set(BigEndian.INT, offset + 12, mbi << 16 | pom << 8 | pam);
        to.set(BigEndian.LONG, offset + 16, chpids);
        to.set(BigEndian.INT, offset + 24, chars);
    }
}
