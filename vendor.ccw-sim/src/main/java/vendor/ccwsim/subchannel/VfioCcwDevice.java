package vendor.ccwsim.subchannel;

import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.Optional;
import java.util.UUID;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.state.DeviceState;
import mdev.api.state.StatefulDevice;
import mdev.api.vfio.DeviceInfo;
import mdev.api.vfio.IoctlReply;
import mdev.api.vfio.IoctlRequest;
import mdev.api.vfio.RegionCapability;
import mdev.api.vfio.Reset;
import mdev.api.vfio.VfioCcw;
import mdev.api.vfio.VfioContext;
import mdev.api.vfio.VfioNotifier;
import mdev.device.RegionDevice;
import mdev.sync.Deadline;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import vendor.ccwsim.channel.ChannelProgram;
import vendor.ccwsim.channel.Crw;
import vendor.ccwsim.channel.Irb;
import vendor.ccwsim.channel.Orb;
import vendor.ccwsim.channel.Schib;
import vendor.ccwsim.channel.Scsw;
import vendor.ccwsim.device.Console3215;
import vendor.ccwsim.subchannel.Fsm.Action;
import vendor.ccwsim.subchannel.Fsm.Event;
import vendor.ccwsim.subchannel.Fsm.State;

/**
 * The driver of a subchannel that gives it to a user: {@code drivers/s390/cio/vfio_ccw_ops.c}, {@code _fsm.c}, {@code
 * _async.c} and {@code _chp.c}.
 *
 * <p>The structures of the architecture in the regions (ORB, SCSW, IRB, SCHIB, CRW) are big-endian; for the fields of
 * the driver's own see {@link RequestRegion}.
 *
 * <p>The monitor guards the state and orders requests and status; it is not held during an access to the user's
 * memory, nor while a program is cancelled. It may be held when that of the {@link Subchannel} is acquired, not the
 * other way.
 */
public final class VfioCcwDevice extends RegionDevice implements StatefulDevice, ChannelPath.Listener {
    private static final Logger LOG = LoggerFactory.getLogger(VfioCcwDevice.class);

    /** As the kernel waits in {@code vfio_ccw_sch_quiesce()}; longer than one access to the user's memory. */
    private static final Duration QUIESCE = Duration.ofSeconds(3);

    /** Within the time of an update, and of a notifier. */
    private static final Duration STOP = Duration.ofSeconds(1);

    private static final int REGIONS = 4;

    // struct ccw_io_region
    private static final int IO_SIZE = 124;
    private static final int ORB_AREA = 0;
    private static final int SCSW_AREA = 12;
    private static final int IRB_AREA = 24;
    private static final int RET_CODE = 120;

    // struct ccw_cmd_region
    private static final int CMD_SIZE = 8;
    private static final int COMMAND = 0;
    private static final int CMD_RET_CODE = 4;
    private static final int ASYNC_CMD_HSCH = 1 << 0;
    private static final int ASYNC_CMD_CSCH = 1 << 1;

    private final UUID uuid;
    private final SubchannelId id;
    private final ChannelPath path;
    private final Subchannel subchannel;
    private final RequestRegion ioRegion;
    private final RequestRegion cmdRegion = new RequestRegion(CMD_SIZE, CMD_RET_CODE, this::asyncRequest);
    private final CrwRegion reports = new CrwRegion();
    private State state = State.STANDBY;

    /** Incremented by each reset: a request that it has overtaken starts nothing. */
    private int epoch;

    private @Nullable VfioContext context;

    VfioCcwDevice(UUID uuid, SubchannelId id, SubchannelAttachment attachment, ChannelPath path) {
        super(DeviceInfo.CCW, REGIONS, VfioCcw.NUM_IRQS);
        this.uuid = uuid;
        this.id = id;
        this.path = path;
        this.subchannel = new Subchannel(id, path, attachment, this::interrupt);
        this.ioRegion = new RequestRegion(IO_SIZE, RET_CODE, this::ioRequest) {
            @Override
            public void read(long offset, MemorySegment data, long dataOffset, int length) {
                super.read(offset, data, dataOffset, length);
                if (offset < RET_CODE && offset + length > IRB_AREA) {
                    subchannel.tsch();
                }
            }
        };
        region(VfioCcw.CONFIG_REGION, IO_SIZE, ioRegion);
        region(1, CMD_SIZE, cmdRegion, typed(VfioCcw.REGION_SUBTYPE_ASYNC_CMD));
        region(2, Schib.SIZE, new SchibRegion(subchannel), typed(VfioCcw.REGION_SUBTYPE_SCHIB));
        region(3, CrwRegion.SIZE, reports, typed(VfioCcw.REGION_SUBTYPE_CRW));
        irq(VfioCcw.IO_IRQ, 0, 1);
        irq(VfioCcw.CRW_IRQ, 0, 1);
        irq(VfioCcw.REQ_IRQ, 0, 1);
    }

    private static RegionCapability typed(int subtype) {
        return new RegionCapability.Type(VfioCcw.REGION_TYPE, subtype);
    }

    UUID uuid() {
        return uuid;
    }

    /** Present if the device is a console. */
    Optional<Operator> operator() {
        return subchannel.device() instanceof Console3215 console
                ? Optional.of(new Operator(console, subchannel))
                : Optional.empty();
    }

    /** @throws ErrnoException EBUSY: the program of the previous user has not ended yet */
    @Override
    public void open(VfioContext opened) throws ErrnoException {
        subchannel.open();
        try {
            opened.registerNotifier((VfioNotifier.DmaUnmap) this::dmaUnmap); // the release unregisters it
            super.open(opened);
        } catch (ErrnoException | RuntimeException e) {
            subchannel.close(Deadline.in(STOP));
            throw e;
        }
        synchronized (this) {
            context = opened;
            epoch++;
            state = State.IDLE;
        }
    }

    /** Cancels the program in flight. */
    @Override
    public void release() {
        synchronized (this) {
            state = State.STANDBY;
            epoch++;
            context = null;
        }
        super.release();
        if (!subchannel.close(Deadline.in(QUIESCE))) {
            LOG.warn("subchannel {}: a channel program has not ended {} s after its user", id, QUIESCE.toSeconds());
        }
    }

    /** As in the kernel, any write to the region is a request. */
    private void ioRequest(long offset, MemorySegment data, long dataOffset, int length) throws ErrnoException {
        Orb orb;
        VfioContext user;
        int now;
        synchronized (this) {
            ioRegion.take(offset, data, dataOffset, length);
            try {
                switch (state.on(Event.IO_REQ)) {
                    case IO_REQUEST -> {}
                    case IO_BUSY -> throw new ErrnoException(Errno.EBUSY, "a channel program has not ended");
                    case IO_RETRY -> throw new ErrnoException(Errno.EAGAIN, "a channel program is being started");
                    default -> throw notOperational();
                }
                if (!starts(ioRegion.get(bytes -> Scsw.read(bytes, SCSW_AREA)).fctl())) {
                    return;
                }
            } catch (ErrnoException e) {
                ioRegion.fail(e);
                throw e;
            }
            orb = ioRegion.get(bytes -> Orb.read(bytes, ORB_AREA));
            user = context;
            now = epoch;
            state = State.CP_PROCESSING;
        }
        start(orb, user, now);
    }

    private static boolean starts(int fctl) throws ErrnoException {
        if ((fctl & Scsw.FCTL_START_FUNC) != 0) {
            return true;
        }
        if (fctl != 0) {
            throw new ErrnoException(Errno.EOPNOTSUPP, "halt and clear are requested in the command region");
        }
        return false;
    }

    /** {@code cp_init()}, {@code cp_prefetch()} and {@code fsm_io_helper()}. */
    private void start(Orb orb, @Nullable VfioContext user, int now) throws ErrnoException {
        ChannelProgram program = null;
        boolean started = false;
        try {
            program = fetch(orb, user);
            synchronized (this) {
                if (epoch != now) {
                    throw new ErrnoException(Errno.EAGAIN, "a reset came first");
                }
                if (subchannel.ssch(program) != 0) {
                    throw new ErrnoException(Errno.EBUSY, "a halt or clear has not ended");
                }
                state = State.CP_PENDING;
                started = true;
            }
        } catch (ErrnoException e) {
            synchronized (this) {
                if (epoch == now) {
                    ioRegion.fail(e);
                }
            }
            throw e;
        } finally {
            if (!started) {
                if (program != null) {
                    program.close();
                }
                synchronized (this) {
                    if (epoch == now) {
                        state = State.IDLE;
                    }
                }
            }
        }
    }

    private ChannelProgram fetch(Orb orb, @Nullable VfioContext user) throws ErrnoException {
        if (user == null) {
            throw new ErrnoException(Errno.ENODEV);
        }
        if (!path.online()) {
            throw new ErrnoException(Errno.ENODEV, "the channel path is not available");
        }
        if (orb.lpm() != 0 && (orb.lpm() & ChannelPath.MASK) == 0) {
            throw new ErrnoException(Errno.EACCES, "the ORB's path mask lacks the only path");
        }
        return ChannelProgram.fetch(orb, user);
    }

    /** As in the kernel, any write to the region is a request. */
    private synchronized void asyncRequest(long offset, MemorySegment data, long dataOffset, int length)
            throws ErrnoException {
        cmdRegion.take(offset, data, dataOffset, length);
        try {
            switch (state.on(Event.ASYNC_REQ)) {
                case ASYNC_REQUEST -> async(cmdRegion.number(COMMAND));
                case ASYNC_RETRY -> throw new ErrnoException(Errno.EAGAIN, "a channel program is being started");
                default -> throw notOperational();
            }
        } catch (ErrnoException e) {
            cmdRegion.fail(e);
            throw e;
        }
    }

    private void async(int command) throws ErrnoException {
        switch (command) {
            case ASYNC_CMD_HSCH -> {
                if (subchannel.hsch() != 0) {
                    throw new ErrnoException(Errno.EBUSY, "a halt or clear has not ended");
                }
            }
            case ASYNC_CMD_CSCH -> subchannel.csch();
            default -> throw new ErrnoException(Errno.EINVAL, "command 0x" + Integer.toHexString(command) + " is none");
        }
    }

    private ErrnoException notOperational() {
        return new ErrnoException(Errno.EIO, "subchannel " + id + " is not operational");
    }

    /** {@code fsm_irq()} and {@code vfio_ccw_sch_io_todo()}; on the subchannel's thread. */
    private synchronized void interrupt(Irb irb) {
        VfioContext user = context;
        if (user == null || state.on(Event.INTERRUPT) != Action.IRQ) {
            return;
        }
        ioRegion.put(bytes -> irb.write(bytes, IRB_AREA));
        if (state == State.CP_PENDING && Status.isSolicited(irb.scsw()) && Status.isFinal(irb.scsw())) {
            state = State.IDLE;
        }
        if (!user.armed(VfioCcw.IO_IRQ, 0)) {
            subchannel.tsch(); // nobody is told to read it
        }
        user.trigger(VfioCcw.IO_IRQ, 0);
    }

    /** {@code vfio_ccw_chp_event()}. */
    @Override
    public void chpEvent(boolean online) {
        if (!online) {
            subchannel.pathGone();
        }
        reports.add(new Crw(0, Crw.RSC_CPATH, false, online ? Crw.ERC_INIT : Crw.ERC_PERRN, ChannelPath.CHPID));
    }

    /** As in the kernel, a user that unmaps the memory of its channel program resets the device. */
    private void dmaUnmap(long iova, long size) {
        if (subchannel.pins(iova, size)) {
            try {
                reset(STOP);
            } catch (ErrnoException e) {
                LOG.warn("subchannel {}: memory of a channel program is unmapped: {}", id, e.getMessage());
            }
        }
    }

    /**
     * Quiesces and enables the subchannel ({@code vfio_ccw_mdev_reset()}).
     *
     * @throws ErrnoException EBUSY: the channel program has not ended in time; the subchannel is not operational until
     *     another reset
     */
    private void reset(Duration limit) throws ErrnoException {
        synchronized (this) {
            epoch++;
            if (state.on(Event.NOT_OPER) == Action.NOTOPER) {
                state = State.NOT_OPER;
            }
        }
        if (!subchannel.quiesce(Deadline.in(limit))) {
            throw new ErrnoException(
                    Errno.EBUSY, "a channel program has not ended " + limit.toSeconds() + " s after its cancellation");
        }
        synchronized (this) {
            if (context != null) {
                super.reset();
                epoch++;
                state = State.IDLE;
            }
        }
    }

    @Override
    public IoctlReply ioctl(IoctlRequest request) throws ErrnoException {
        if (request instanceof Reset) {
            reset(QUIESCE);
            return IoctlReply.DONE;
        }
        return super.ioctl(request);
    }

    /** Interrupts a program where it is: between two commands, or in a command that waits. */
    @Override
    public void stop() throws ErrnoException {
        if (!subchannel.stop(Deadline.in(STOP))) {
            throw new ErrnoException(Errno.EBUSY, "a command has not ended for " + STOP.toSeconds() + " s");
        }
    }

    @Override
    public synchronized DeviceState save() throws ErrnoException {
        return super.save().with("subchannel", subchannel.save());
    }

    @Override
    public void restore(DeviceState saved) throws ErrnoException {
        super.restore(saved);
        VfioContext user;
        synchronized (this) {
            user = context;
        }
        boolean active = subchannel.restore(saved.section("subchannel"), user);
        synchronized (this) {
            state = user == null ? State.STANDBY : active ? State.CP_PENDING : State.IDLE;
        }
    }

    @Override
    public void resume() {
        subchannel.resume();
    }
}
