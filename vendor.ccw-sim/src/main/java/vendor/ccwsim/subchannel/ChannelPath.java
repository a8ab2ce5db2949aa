package vendor.ccwsim.subchannel;

import java.util.List;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.sysfs.Attribute;
import mdev.api.sysfs.AttributeGroup;
import org.jspecify.annotations.Nullable;
import vendor.ccwsim.channel.Pmcw;

/** The only channel path of a subchannel; tells the device of each change. Thread-safe. */
final class ChannelPath {
    /** The path in the path masks. */
    static final int MASK = 0x80;

    static final int CHPID = 0x40;

    /** {@code VFIO_CCW_ISC}. */
    private static final int ISC = 3;

    /** {@code chp_event()} of a css driver. */
    @FunctionalInterface
    interface Listener {
        void chpEvent(boolean online);
    }

    private volatile boolean online = true;

    /** The device of the subchannel. Written with the monitor held, which also orders the events. */
    private @Nullable Listener listener;

    boolean online() {
        return online;
    }

    synchronized void listener(@Nullable Listener told) {
        listener = told;
    }

    /** The path-management-control word of the subchannel. */
    Pmcw pmcw(SubchannelId id, boolean enabled) {
        int flags = ISC << Pmcw.ISC_SHIFT | (enabled ? Pmcw.ENA : 0) | Pmcw.DNV;
        int usable = online ? MASK : 0;
        long chpids = (long) CHPID << 56; // the first of eight
        return new Pmcw(0, flags, id.schNo(), MASK, 0, MASK, MASK, 0, usable, usable, chpids, 0);
    }

    /** {@code configure} of a channel path, whose directory is named after it in Linux. */
    AttributeGroup attributes() {
        return new AttributeGroup(
                "chp0.%x".formatted(CHPID),
                List.of(Attribute.readWrite("configure", () -> online ? "1\n" : "0\n", this::configure)));
    }

    private void configure(String value) throws ErrnoException {
        switch (value.strip()) {
            case "0" -> configure(false);
            case "1" -> configure(true);
            default -> throw new ErrnoException(Errno.EINVAL, "'" + value.strip() + "' is neither 0 nor 1");
        }
    }

    synchronized void configure(boolean value) {
        if (online != value) {
            online = value;
            if (listener != null) {
                listener.chpEvent(value);
            }
        }
    }
}
