package vendor.ccwsim.channel;

import java.lang.foreign.MemorySegment;

/**
 * {@code struct cmd_orb}: the operation-request block of a start, in command mode.
 *
 * @param intparm the interruption parameter
 * @param control word 1: the subchannel key, flags, and the logical-path mask
 * @param cpa the address of the first CCW
 */
public record Orb(int intparm, int control, int cpa) {
    /** In bytes. */
    public static final int SIZE = 12;

    /** Suspend control: permits the suspend flag in CCWs. */
    public static final int SPND = 1 << 27;

    /** Streaming-mode control. */
    public static final int STR = 1 << 26;

    /** Modification control. */
    public static final int MOD = 1 << 25;

    /** Synchronization control. */
    public static final int SYNC = 1 << 24;

    /** The CCWs have format 1. */
    public static final int FMT = 1 << 23;

    /** Prefetch control: the channel may fetch CCWs, IDAWs and data in advance. */
    public static final int PFCH = 1 << 22;

    /** Initial-status-interruption control. */
    public static final int ISIC = 1 << 21;

    /** Address-limit-checking control. */
    public static final int ALCC = 1 << 20;

    /** Suppresses the interruption that reports a suspension. */
    public static final int SSIC = 1 << 19;

    /** {@code b} of {@code struct tm_orb}: the block is one of transport mode. */
    public static final int TRANSPORT_MODE = 1 << 18;

    /** IDAWs have 64 bits (format 2). */
    public static final int C64 = 1 << 17;

    /** Format-2 IDAWs designate blocks of 2 KiB, not 4. */
    public static final int I2K = 1 << 16;

    /** Incorrect-length-suppression mode: for immediate operations of format-1 CCWs. */
    public static final int ILS = 1 << 7;

    private static final int KEY_SHIFT = 28;
    private static final int LPM_SHIFT = 8;

    /** @param offset of the block in the segment, in bytes */
    public static Orb read(MemorySegment from, long offset) {
        return new Orb(
                from.get(BigEndian.INT, offset),
                from.get(BigEndian.INT, offset + 4),
                from.get(BigEndian.INT, offset + 8));
    }

    public void write(MemorySegment to, long offset) {
        to.set(BigEndian.INT, offset, intparm);
        to.set(BigEndian.INT, offset + 4, control);
        to.set(BigEndian.INT, offset + 8, cpa);
    }

    /** The subchannel key, 0 to 15. */
    public int key() {
        return control >>> KEY_SHIFT;
    }

    /** The logical-path mask. */
    public int lpm() {
        return control >>> LPM_SHIFT & 0xff;
    }

    /** @param flag one of the constants, or several of which one suffices */
    public boolean has(int flag) {
        return (control & flag) != 0;
    }

    /** An unsigned address. */
    long firstCcw() {
        return Integer.toUnsignedLong(cpa);
    }
}
