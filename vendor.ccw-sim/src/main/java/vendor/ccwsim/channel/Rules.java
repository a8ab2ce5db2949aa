package vendor.ccwsim.channel;

/**
 * What makes a CCW a program check, for the programs that an ORB starts (Principles of Operation, chapter 16,
 * "Program Check").
 */
final class Rules {
    private static final int FORMAT_0_LIMIT = 1 << 24;
    private static final long FORMAT_1_LIMIT = 1L << 31;

    private final boolean format1;
    private final boolean suspendControl;

    Rules(Orb orb) {
        format1 = orb.has(Orb.FMT);
        suspendControl = orb.has(Orb.SPND);
    }

    /** The first address that a CCW of the format cannot designate. */
    long limit() {
        return format1 ? FORMAT_1_LIMIT : FORMAT_0_LIMIT;
    }

    /** Whether a CCW may be at the address. */
    boolean isCcwAddress(long address) {
        return (address & Ccw.SIZE - 1) == 0 && address < limit();
    }

    /** Whether a transfer in channel is valid; of format 0, only its address counts. */
    boolean isValidTic(Ccw ccw) {
        return ccw.flags() == 0 && ccw.count() == 0 && isCcwAddress(ccw.address());
    }

    /**
     * Whether a CCW other than a transfer in channel is valid.
     *
     * @param chained by data chaining, which does not look at the command code
     */
    boolean isValid(Ccw ccw, boolean chained) {
        return isValidCommand(ccw.command(), chained)
                && isValidCount(ccw, chained)
                && isValidSuspension(ccw, chained)
                && designatesData(ccw);
    }

    /** Whether the address of a CCW is one of data or IDAWs; in format 1, bit 32 must be zero. */
    boolean designatesData(Ccw ccw) {
        return !ccw.has(Ccw.MIDA) && ccw.address() < limit();
    }

    private static boolean isValidCommand(int command, boolean chained) {
        int type = command & 0xf;
        // Transfers in channel have been followed where they are permitted; 0x18 and so on are none in format 1.
        return type != Ccw.TIC && (chained || type != 0);
    }

    private boolean isValidCount(Ccw ccw, boolean chained) {
        return ccw.count() != 0 || (format1 && !chained && !ccw.has(Ccw.CD));
    }

    private boolean isValidSuspension(Ccw ccw, boolean chained) {
        return !ccw.has(Ccw.SUSPEND) || (suspendControl && !chained);
    }
}
