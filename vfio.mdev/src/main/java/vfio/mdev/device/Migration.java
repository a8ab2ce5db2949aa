package vfio.mdev.device;

import java.lang.foreign.MemorySegment;
import java.util.Objects;
import java.util.Optional;
import mdev.api.Slot;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.state.DeviceState;
import mdev.api.state.QuiescentDevice;
import mdev.api.state.StatefulDevice;
import mdev.api.vfio.DeviceMigration;
import mdev.api.vfio.DeviceOps;
import mdev.api.vfio.IoctlReply;
import mdev.api.vfio.MigrationState;
import mdev.api.vfio.Reset;
import mdev.sync.LimitedLog;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import vfio.mdev.migration.Arcs;
import vfio.mdev.migration.Incoming;
import vfio.mdev.migration.Outgoing;

/**
 * The migration state of an open device, and its stream. The state changes only while its writer is alone in the
 * device's slot ({@link Slot#callAlone}), and in the release, which no access of the session can follow. The slot's
 * atomic additions order these writes with the calls inside, so an access finds the state constant.
 */
final class Migration {
    private static final Logger LOG = LoggerFactory.getLogger(Migration.class);

    /** The size of a state that has not been saved yet, for an estimate. */
    private static final int STATE = 64 << 10;

    private final String name;
    private final String type;
    private final Slot slot;
    private final RegionMemories memories;
    private final LimitedLog failures;

    /** Volatile for its readers outside the slot: the vendor's threads, an update, a reset. */
    private volatile MigrationState state = MigrationState.RUNNING;

    /** {@link #isStopped} for region accesses, written with {@link #state}; the slot orders it. */
    private boolean stopped;

    /** The monitor guards both streams: several threads may read or write one. */
    private @Nullable Outgoing outgoing;

    private @Nullable Incoming incoming;

    /**
     * @param type of the device, which both ends of a migration have
     * @param failures limits the log of what a user can make fail again and again
     */
    Migration(String name, String type, Slot slot, RegionMemories memories, LimitedLog failures) {
        this.name = name;
        this.type = type;
        this.slot = slot;
        this.memories = memories;
        this.failures = failures;
    }

    MigrationState state() {
        return state;
    }

    private void setState(MigrationState to) {
        stopped = isStopped(to);
        state = to;
    }

    private static boolean isStopped(MigrationState state) {
        return state != MigrationState.RUNNING && state != MigrationState.RUNNING_P2P;
    }

    /** Whether no migration is under way: the device may access the user's memory. */
    boolean isRunning() {
        return state == MigrationState.RUNNING;
    }

    /** Whether the device does nothing by itself. */
    boolean isStopped() {
        return isStopped(state);
    }

    /** As {@link #isStopped}, without its volatile read: called inside the slot, with the session still open. */
    boolean isStoppedInside() {
        return stopped;
    }

    /** @throws ErrnoException ENOTTY: the driver cannot save its state */
    static StatefulDevice stateful(DeviceOps ops) throws ErrnoException {
        if (ops instanceof StatefulDevice stateful) {
            return stateful;
        }
        throw new ErrnoException(Errno.ENOTTY, "the driver cannot save the state of the device");
    }

    static int flags(StatefulDevice device) {
        return DeviceMigration.STOP_COPY | (device instanceof QuiescentDevice ? DeviceMigration.P2P : 0);
    }

    /** Called alone in the slot. */
    void set(DeviceOps ops, MigrationState to) throws ErrnoException {
        StatefulDevice device = stateful(ops);
        while (state != to) {
            MigrationState from = state;
            Optional<MigrationState> next = Arcs.next(flags(device), from, to);
            if (next.isEmpty()) {
                throw new ErrnoException(Errno.EINVAL, "no migration state " + to + " after " + from);
            }
            try {
                move(ops, device, from, next.get());
            } catch (ErrnoException e) {
                failures.log(more -> LOG.warn(
                        "device {}: migration from {} to {}: {}{}", name, from, next.get(), e.getMessage(), more));
                throw e;
            }
        }
    }

    /** One arc of the device. */
    private void move(DeviceOps ops, StatefulDevice device, MigrationState from, MigrationState to)
            throws ErrnoException {
        switch (to) {
            case RUNNING -> {
                if (device instanceof QuiescentDevice quiescent) {
                    unquiesce(quiescent);
                } else {
                    resume(device, to);
                }
            }
            case RUNNING_P2P -> {
                if (from == MigrationState.RUNNING && device instanceof QuiescentDevice quiescent) {
                    callOrContinue("quiesce", quiescent::quiesce, "unquiesce", quiescent::unquiesce);
                } else {
                    resume(device, to);
                }
            }
            case STOP_COPY -> begin(new Outgoing(type, save(device), memories.all()));
            case RESUMING -> {
                prepare(ops);
                begin(new Incoming(type, memories.all()));
            }
            case STOP -> {
                if (!isStopped(from)) {
                    callOrContinue("stop", device::stop, "resume", device::resume);
                } else if (from == MigrationState.RESUMING) {
                    restore(device);
                }
                endStreams();
            }
            default -> throw new AssertionError(to);
        }
        setState(to);
    }

    private interface Call {
        void call() throws ErrnoException;
    }

    private void vendor(String what, Call call) throws ErrnoException {
        try {
            call.call();
        } catch (Throwable t) {
            throw slot.failed(what, t);
        }
    }

    /** Calls the vendor; if that fails, a part of the device may have changed, and it continues by the other call. */
    private void callOrContinue(String what, Call call, String onFailure, Call continuing) throws ErrnoException {
        try {
            vendor(what, call);
        } catch (ErrnoException e) {
            orError(() -> vendor(onFailure, continuing));
            throw e;
        }
    }

    /** The device may do everything before this has returned. */
    private void unquiesce(QuiescentDevice device) throws ErrnoException {
        setState(MigrationState.RUNNING);
        orError(() -> vendor("unquiesce", device::unquiesce));
    }

    private DeviceState save(StatefulDevice device) throws ErrnoException {
        try {
            return Objects.requireNonNull(device.save(), "no state"); // vendors may be compiled without null checks
        } catch (Throwable t) {
            throw slot.failed("save", t);
        }
    }

    /** The device may do what the state allows before this has returned. */
    private void resume(StatefulDevice device, MigrationState to) throws ErrnoException {
        setState(to);
        orError(() -> vendor("resume", device::resume));
    }

    private void restore(StatefulDevice device) throws ErrnoException {
        orError(() -> {
            DeviceState written = finish();
            vendor("restore", () -> device.restore(written));
        });
    }

    /** The stream brings what the device's memory has, except for its zeroes. */
    private void prepare(DeviceOps ops) throws ErrnoException {
        orError(() -> {
            vendor("ioctl", () -> ops.ioctl(new Reset()));
            memories.clear();
        });
    }

    /** A device of which nothing can be said after a failure. */
    private void orError(Call call) throws ErrnoException {
        try {
            call.call();
        } catch (ErrnoException e) {
            endStreams();
            setState(MigrationState.ERROR);
            throw e;
        }
    }

    private synchronized void begin(Outgoing stream) {
        outgoing = stream;
    }

    private synchronized void begin(Incoming stream) {
        incoming = stream;
    }

    private synchronized DeviceState finish() throws ErrnoException {
        if (incoming == null) {
            throw new ErrnoException(Errno.EIO, "no stream");
        }
        return incoming.finish();
    }

    private synchronized void endStreams() {
        outgoing = null;
        incoming = null;
    }

    /** Resets the device in any state; called alone in the slot. */
    IoctlReply reset(DeviceOps ops) throws ErrnoException {
        IoctlReply reply;
        try {
            reply = ops.ioctl(new Reset());
        } catch (Throwable t) {
            throw slot.failed("ioctl", t);
        }
        if (!isRunning()) {
            endStreams();
            run(stateful(ops));
        }
        return reply;
    }

    private void run(StatefulDevice device) throws ErrnoException {
        QuiescentDevice quiescent = device instanceof QuiescentDevice both ? both : null;
        if (isStopped()) {
            resume(device, quiescent == null ? MigrationState.RUNNING : MigrationState.RUNNING_P2P);
        }
        if (quiescent != null) {
            unquiesce(quiescent);
        }
    }

    /**
     * Brings the object of another version of the driver to where the old one was: opened, and not restored yet. Called
     * in the frozen slot.
     *
     * @throws ErrnoException EINVAL: the version lacks the state of the device; else the driver's errno
     */
    void reopened(DeviceOps ops) throws ErrnoException {
        if (isRunning()) {
            return;
        }
        if (ops instanceof QuiescentDevice device) {
            vendor("quiesce", device::quiesce);
        } else if (state == MigrationState.RUNNING_P2P) {
            throw new ErrnoException(Errno.EINVAL, "this version of the driver has no migration state RUNNING_P2P");
        }
    }

    /** Resets a device whose user has left in the midst of a migration: what it does next is another user's. */
    void abandon(DeviceOps ops) {
        if (isRunning()) {
            return;
        }
        try {
            reset(ops);
        } catch (ErrnoException e) {
            failures.log(more ->
                    LOG.warn("device {}: its reset, after its user has left: {}{}", name, e.getMessage(), more));
        }
    }

    /** Called inside the slot, as are the next two. */
    long dataSize() throws ErrnoException {
        synchronized (this) {
            if (outgoing != null) {
                return outgoing.left();
            }
        }
        return STATE + Outgoing.estimate(memories.all());
    }

    synchronized int read(MemorySegment to) throws ErrnoException {
        if (outgoing == null) {
            throw new ErrnoException(Errno.EINVAL, "no data to read in state " + state);
        }
        return outgoing.read(to);
    }

    synchronized void write(MemorySegment from) throws ErrnoException {
        if (incoming == null) {
            throw new ErrnoException(Errno.EINVAL, "no data can be written in state " + state);
        }
        incoming.write(from);
    }
}
