package vendor.ccwsim.subchannel;

import mdev.api.errno.ErrnoException;
import vendor.ccwsim.device.Console3215;

/** The operator of a console. Thread-safe. */
public final class Operator {
    private final Console3215 console;
    private final Subchannel subchannel;

    Operator(Console3215 console, Subchannel subchannel) {
        this.console = console;
        this.subchannel = subchannel;
    }

    /**
     * Types a line.
     *
     * @throws ErrnoException as for {@link Console3215#type}; EBUSY: the driver is being updated, or the device
     *     migrated
     */
    public void type(String line) throws ErrnoException {
        subchannel.operate(() -> console.type(line));
    }

    /** As {@link Console3215#printed()}. */
    public String printed() {
        return console.printed();
    }
}
