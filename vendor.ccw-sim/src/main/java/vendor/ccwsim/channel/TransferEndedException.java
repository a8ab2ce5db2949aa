package vendor.ccwsim.channel;

/** The channel has ended a transfer by a check condition, which the subchannel status tells. */
public final class TransferEndedException extends Exception {
    private static final long serialVersionUID = 1L;

    TransferEndedException(String message) {
        super(message);
    }
}
