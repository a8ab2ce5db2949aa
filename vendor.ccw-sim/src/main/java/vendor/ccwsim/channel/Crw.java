package vendor.ccwsim.channel;

/**
 * {@code struct crw}: a channel-report word.
 *
 * @param flags the bits {@code slct}, {@code oflw} and {@code chn}
 * @param rsc the reporting-source code
 * @param anc ancillary report
 * @param erc the error-recovery code
 * @param rsid the reporting-source ID
 */
public record Crw(int flags, int rsc, boolean anc, int erc, int rsid) {
    /** Solicited. */
    public static final int SLCT = 4;

    /** Overflow: reports have been lost. */
    public static final int OFLW = 2;

    /** Chaining: the next report belongs to this one. */
    public static final int CHN = 1;

    /** {@code CRW_RSC_SCH}: a subchannel. */
    public static final int RSC_SCH = 0x3;

    /** {@code CRW_RSC_CPATH}: a channel path. */
    public static final int RSC_CPATH = 0x4;

    /** {@code CRW_ERC_INIT}: initialized. */
    public static final int ERC_INIT = 0x02;

    /** {@code CRW_ERC_IPARM}: installed parameters initialized. */
    public static final int ERC_IPARM = 0x04;

    /** {@code CRW_ERC_PERRN}: permanent error, not initialized. */
    public static final int ERC_PERRN = 0x06;

    /** The word, whose bytes are stored with the highest first. */
    public int word() {
        return flags << 28 | rsc << 24 | (anc ? 1 << 23 : 0) | erc << 16 | rsid;
    }

    /** The fields of a word. */
    public static Crw of(int word) {
        return new Crw(word >>> 28 & 0x7, word >>> 24 & 0xf, (word & 1 << 23) != 0, word >>> 16 & 0x3f, word & 0xffff);
    }
}
