package vendor.ccwsim.subchannel;

import java.util.Objects;
import java.util.function.Consumer;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.state.DeviceState;
import mdev.api.vfio.DmaAccess;
import mdev.sync.Deadline;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import vendor.ccwsim.channel.CcwDevice;
import vendor.ccwsim.channel.ChannelProgram;
import vendor.ccwsim.channel.Irb;
import vendor.ccwsim.channel.Pmcw;
import vendor.ccwsim.channel.Schib;
import vendor.ccwsim.channel.Scsw;

/**
 * A subchannel as the driver sees it: the I/O instructions, and the thread that executes programs and presents status.
 * Thread-safe: the monitor guards what has been requested of the thread, and is not held while it executes a program
 * or presents status.
 */
final class Subchannel {
    private static final Logger LOG = LoggerFactory.getLogger(Subchannel.class);

    private final SubchannelId id;
    private final ChannelPath path;
    private final CcwDevice device;
    private final Consumer<Irb> irq;

    /** Runs from {@link #open} to {@link #close}. */
    private @Nullable Thread thread;

    /** Started, and not ended; set by the driver and cleared by the thread. */
    private @Nullable ChannelProgram program;

    /** The device knows of the program. */
    private boolean begun;

    /** Requested of the thread, in the order of their precedence. */
    private boolean closing, cancel, clear, halt;

    private boolean attention;

    /** The thread does not look for work. */
    private boolean busy;

    /** No program executes, and the device does not change. */
    private boolean stopped;

    /** The user has not read the last status. */
    private boolean statusPending;

    private enum Work {
        CLOSE,
        CANCEL,
        CLEAR,
        HALT,
        RUN,
        ATTENTION
    }

    /** @param irq receives each status, on the thread */
    Subchannel(SubchannelId id, ChannelPath path, SubchannelAttachment attachment, Consumer<Irb> irq) {
        this.id = id;
        this.path = path;
        this.device = attachment.attach(this::attention);
        this.irq = irq;
    }

    CcwDevice device() {
        return device;
    }

    /**
     * Enables the subchannel. Pairs with {@link #close}.
     *
     * @throws ErrnoException EBUSY: the thread of the previous user has not ended
     */
    synchronized void open() throws ErrnoException {
        if (thread != null && thread.isAlive()) {
            throw new ErrnoException(Errno.EBUSY, "subchannel " + id + " still works for its previous user");
        }
        closing = cancel = clear = halt = attention = stopped = statusPending = false;
        thread = Thread.ofPlatform().daemon().name("ccw-" + id).start(this::run);
    }

    /**
     * Cancels the program and ends the thread.
     *
     * @return false if the thread has not ended in time; it ends later, without a status
     */
    boolean close(Deadline deadline) {
        Thread ending;
        synchronized (this) {
            closing = true;
            ending = thread;
            interrupt();
        }
        return ending == null || deadline.join(ending);
    }

    /**
     * Start subchannel.
     *
     * @param started closed by the subchannel when it has ended, if the condition code is 0
     * @return the condition code: 0, or 2 for busy
     */
    synchronized int ssch(ChannelProgram started) {
        if (program != null || halt || clear) {
            return 2;
        }
        program = started;
        begun = false;
        statusPending = false;
        notifyAll();
        return 0;
    }

    /** Halt subchannel. Returns the condition code: 0, or 2 for busy. */
    synchronized int hsch() {
        if (halt || clear) {
            return 2;
        }
        halt = true;
        interrupt();
        return 0;
    }

    /** Ends a program whose channel path has gone: {@code cio_cancel_halt_clear()}. */
    synchronized void pathGone() {
        if (program != null) {
            hsch();
        }
    }

    /** Clear subchannel, whose condition code is always 0. */
    synchronized void csch() {
        clear = true;
        interrupt();
    }

    /** The user has read the status (test subchannel): the next may follow. */
    synchronized void tsch() {
        if (statusPending) {
            statusPending = false;
            notifyAll();
        }
    }

    /** Store subchannel. */
    synchronized Schib stsch() {
        boolean active = program != null;
        int fctl = (active ? Scsw.FCTL_START_FUNC : 0)
                | (halt ? Scsw.FCTL_HALT_FUNC : 0)
                | (clear ? Scsw.FCTL_CLEAR_FUNC : 0);
        int actl = (active && !begun ? Scsw.ACTL_START_PEND : 0)
                | (active && begun ? Scsw.ACTL_SCHACT | Scsw.ACTL_DEVACT : 0)
                | (halt ? Scsw.ACTL_HALT_PEND : 0)
                | (clear ? Scsw.ACTL_CLEAR_PEND : 0);
        Pmcw pmcw = path.pmcw(id, thread != null && !closing);
        return new Schib(pmcw, new Scsw(Scsw.control(0, fctl, actl, 0), 0, 0, 0, 0), 0, 0);
    }

    /** {@code cp_iova_pinned()}. */
    synchronized boolean pins(long iova, long size) {
        return program != null && program.pins(iova, size);
    }

    /**
     * Cancels the program without a status, and resets the device ({@code vfio_ccw_sch_quiesce()}).
     *
     * @return false if the program has not ended in time; it ends later
     */
    synchronized boolean quiesce(Deadline deadline) {
        if (thread == null || closing) {
            return true;
        }
        cancel = true;
        interrupt();
        while (cancel || busy) {
            if (!deadline.waitOn(this)) {
                return false;
            }
        }
        return true;
    }

    /**
     * Interrupts the program until {@link #resume()}.
     *
     * @return false if it has not been interrupted in time; it continues
     */
    synchronized boolean stop(Deadline deadline) {
        stopped = true;
        interrupt();
        while (busy || (thread != null && !closing && (cancel || clear || halt))) {
            if (!deadline.waitOn(this)) {
                resume();
                return false;
            }
        }
        return true;
    }

    synchronized void resume() {
        stopped = false;
        notifyAll();
    }

    /** The state of the stopped subchannel and its device. */
    synchronized DeviceState save() {
        DeviceState state = DeviceState.version(1)
                .with("begun", begun)
                .with("attention", attention)
                .with("statusPending", statusPending)
                .with("device", device.save());
        return program == null ? state : state.with("program", program.save());
    }

    /**
     * Restores a saved state and stays stopped until {@link #resume()}.
     *
     * @param memory of the user; null while no user has opened the device
     * @return whether a program continues then
     * @throws ErrnoException EINVAL: the state is invalid; else as for {@link ChannelProgram#restore}
     */
    boolean restore(DeviceState state, @Nullable DmaAccess memory) throws ErrnoException {
        synchronized (this) {
            stopped = true;
        }
        device.reset();
        device.restore(state.section("device"));
        boolean wasBegun = state.flag("begun");
        boolean wasAttention = state.flag("attention");
        boolean wasPending = state.flag("statusPending");
        ChannelProgram restored = null;
        if (state.has("program")) {
            if (memory == null) {
                throw new ErrnoException(Errno.EINVAL, "state: a program, but no user");
            }
            restored = ChannelProgram.restore(state.section("program"), memory);
        }
        synchronized (this) {
            program = restored;
            begun = wasBegun;
            attention = wasAttention;
            statusPending = wasPending;
        }
        return restored != null;
    }

    /**
     * Calls the operator's action, so that it is part of the state that an update or migration saves.
     *
     * @throws ErrnoException EBUSY: the subchannel is stopped; else of the action
     */
    synchronized void operate(Action action) throws ErrnoException {
        if (stopped) {
            throw new ErrnoException(Errno.EBUSY, "subchannel " + id + " is being updated or migrated");
        }
        action.run();
    }

    /** See {@link #operate}. */
    @FunctionalInterface
    interface Action {
        void run() throws ErrnoException;
    }

    private synchronized void attention() {
        attention = true;
        notifyAll();
    }

    /** Wakes the thread to look for its work. */
    private void interrupt() {
        if (program != null) {
            program.interrupt();
        }
        device.interrupt();
        notifyAll();
    }

    private void run() {
        while (true) {
            switch (next()) {
                case CLOSE -> {
                    drop();
                    idle();
                    return;
                }
                case CANCEL -> drop();
                case CLEAR -> {
                    drop();
                    present(Status.cleared());
                }
                case HALT -> halt();
                case RUN -> execute();
                case ATTENTION -> attend();
            }
        }
    }

    private synchronized void idle() {
        busy = false;
        notifyAll();
    }

    private synchronized Work next() {
        idle();
        Work work = due();
        while (work == null) {
            try {
                wait(); // until the next request; the end of the subchannel is one
            } catch (InterruptedException e) {
                // Nobody interrupts this thread.
            }
            work = due();
        }
        busy = true;
        return work;
    }

    private @Nullable Work due() {
        if (closing) {
            return Work.CLOSE;
        } else if (cancel) {
            return Work.CANCEL;
        } else if (clear) {
            return Work.CLEAR;
        } else if (halt) {
            return Work.HALT;
        } else if (stopped) {
            return null;
        } else if (program != null) {
            device.proceed(); // an interruption from now on is for this execution
            return Work.RUN;
        }
        return attention && !statusPending ? Work.ATTENTION : null;
    }

    private void execute() {
        ChannelProgram executing;
        boolean begins;
        synchronized (this) {
            executing = Objects.requireNonNull(program);
            begins = !begun;
            begun = true;
        }
        if (begins) {
            device.start();
        }
        Irb ended;
        try {
            ended = executing.execute(device, this::present);
        } catch (InterruptedException e) {
            return; // for a request, which has precedence
        } catch (RuntimeException e) {
            LOG.error("subchannel {}: the simulation of a channel program failed", id, e);
            ended = Status.failed();
        }
        synchronized (this) {
            if (closing || cancel || clear) {
                return; // that ends the program
            }
            if (halt) {
                halt = false;
                ended = Status.alsoHalted(ended);
            }
            program = null;
        }
        executing.close();
        present(ended);
    }

    private void drop() {
        ChannelProgram dropped;
        synchronized (this) {
            dropped = program;
            program = null;
            cancel = clear = halt = false;
        }
        close(dropped);
        device.reset();
    }

    private void halt() {
        ChannelProgram halted;
        boolean active;
        synchronized (this) {
            halted = program;
            active = begun;
            program = null;
            halt = false;
        }
        close(halted);
        present(Status.halted(halted != null, active));
    }

    private void attend() {
        synchronized (this) {
            attention = false;
        }
        if (device.attention()) {
            present(Status.attention());
        }
    }

    private static void close(@Nullable ChannelProgram ended) {
        if (ended != null) {
            ended.close();
        }
    }

    private void present(Irb irb) {
        synchronized (this) {
            statusPending = true;
        }
        irq.accept(irb);
    }
}
