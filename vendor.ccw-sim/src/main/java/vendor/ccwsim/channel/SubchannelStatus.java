package vendor.ccwsim.channel;

/** The bits of the subchannel status, byte {@code cstat} of {@code struct cmd_scsw}. */
public final class SubchannelStatus {
    /** Program-controlled interruption. */
    public static final int PCI = 0x80;

    public static final int INCORRECT_LENGTH = 0x40;
    public static final int PROGRAM_CHECK = 0x20;
    public static final int PROTECTION_CHECK = 0x10;
    public static final int CHANNEL_DATA_CHECK = 0x08;
    public static final int CHANNEL_CONTROL_CHECK = 0x04;
    public static final int INTERFACE_CONTROL_CHECK = 0x02;

    /** Data overran the channel while it chained data; a device that waits for the channel, as ours do, causes none. */
    public static final int CHAINING_CHECK = 0x01;

    private SubchannelStatus() {}
}
