package vendor.ccwsim.channel;

import java.lang.foreign.MemorySegment;

/**
 * {@code struct cmd_scsw}: the subchannel-status word in command mode.
 *
 * @param control word 0: the key, flags, and the function, activity and status control
 * @param cpa the address of the last CCW used, plus 8
 * @param dstat a set of the bits of {@link DeviceStatus}
 * @param cstat a set of the bits of {@link SubchannelStatus}
 * @param count the residual count, 0 to 65535
 */
public record Scsw(int control, int cpa, int dstat, int cstat, int count) {
    /** In bytes. */
    public static final int SIZE = 12;

    /** Suspend control, of the ORB. */
    public static final int SCTL = 1 << 27;

    /** The extended-status word has format 0. */
    public static final int ESWF = 1 << 26;

    /** CCW format, of the ORB. */
    public static final int FMT = 1 << 23;

    /** Prefetch control, of the ORB. */
    public static final int PFCH = 1 << 22;

    /** Initial-status-interruption control, of the ORB. */
    public static final int ISIC = 1 << 21;

    /** Address-limit-checking control, of the ORB. */
    public static final int ALCC = 1 << 20;

    /** Suppress-suspended interruption, of the ORB. */
    public static final int SSI = 1 << 19;

    /** Zero condition code: the device has accepted the first command. */
    public static final int ZCC = 1 << 18;

    /** Extended control: the extended-control word has information. */
    public static final int ECTL = 1 << 17;

    /** Path not operational. */
    public static final int PNO = 1 << 16;

    /** Bits of {@link #fctl()}. */
    public static final int FCTL_START_FUNC = 0x4;

    public static final int FCTL_HALT_FUNC = 0x2;
    public static final int FCTL_CLEAR_FUNC = 0x1;

    /** Bits of {@link #actl()}. */
    public static final int ACTL_RESUME_PEND = 0x40;

    public static final int ACTL_START_PEND = 0x20;
    public static final int ACTL_HALT_PEND = 0x10;
    public static final int ACTL_CLEAR_PEND = 0x08;
    public static final int ACTL_SCHACT = 0x04;
    public static final int ACTL_DEVACT = 0x02;
    public static final int ACTL_SUSPENDED = 0x01;

    /** Bits of {@link #stctl()}. */
    public static final int STCTL_ALERT_STATUS = 0x10;

    public static final int STCTL_INTER_STATUS = 0x08;
    public static final int STCTL_PRIM_STATUS = 0x04;
    public static final int STCTL_SEC_STATUS = 0x02;
    public static final int STCTL_STATUS_PEND = 0x01;

    private static final int KEY_SHIFT = 28;
    private static final int CC_SHIFT = 24;
    private static final int FCTL_SHIFT = 12;
    private static final int ACTL_SHIFT = 5;

    /** The fields of the ORB that the status word repeats: the bits of its word 1 are those of word 0 here. */
    private static final int FROM_ORB = 0xf << KEY_SHIFT | SCTL | FMT | PFCH | ISIC | ALCC | SSI;

    /** Word 0 from its parts. */
    public static int control(int flags, int fctl, int actl, int stctl) {
        return flags | fctl << FCTL_SHIFT | actl << ACTL_SHIFT | stctl;
    }

    /** The key and the flags of word 0 for a program that was started with an ORB. */
    static int flags(Orb orb) {
        return orb.control() & FROM_ORB;
    }

    /** @param offset of the word in the segment, in bytes */
    public static Scsw read(MemorySegment from, long offset) {
        int last = from.get(BigEndian.INT, offset + 8);
        return new Scsw(
                from.get(BigEndian.INT, offset),
                from.get(BigEndian.INT, offset + 4),
                last >>> 24,
                last >>> 16 & 0xff,
                last & 0xffff);
    }

    public void write(MemorySegment to, long offset) {
        to.set(BigEndian.INT, offset, control);
        to.set(BigEndian.INT, offset + 4, cpa);
        to.set(BigEndian.INT, offset + 8, dstat << 24 | cstat << 16 | count);
    }

    public int key() {
        return control >>> KEY_SHIFT;
    }

    /** The deferred condition code. */
    public int cc() {
        return control >>> CC_SHIFT & 0x3;
    }

    /** Function control. */
    public int fctl() {
        return control >>> FCTL_SHIFT & 0x7;
    }

    /** Activity control. */
    public int actl() {
        return control >>> ACTL_SHIFT & 0x7f;
    }

    /** Status control. */
    public int stctl() {
        return control & 0x1f;
    }

    /** @param flag one of the flags of word 0, or several of which one suffices */
    public boolean has(int flag) {
        return (control & flag) != 0;
    }
}
