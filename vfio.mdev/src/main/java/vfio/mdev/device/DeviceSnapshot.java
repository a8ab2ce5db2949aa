package vfio.mdev.device;

import java.lang.foreign.MemorySegment;
import java.time.Duration;
import mdev.api.Slot;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.DeviceOps;
import mdev.api.vfio.MigrationState;

/** Saves and restores a device as a migration does, without being its user. */
public final class DeviceSnapshot {
    /** How long to wait until no other call is inside. A virtual machine times out after 5 s. */
    private static final Duration ALONE = Duration.ofSeconds(4);

    private static final int BUFFER = 1 << 18;

    private final GroupDevice device;
    private final Slot slot;

    public DeviceSnapshot(GroupDevice device) {
        this.device = device;
        this.slot = device.mdev().slot();
    }

    /** Receives a stream. */
    public interface Sink {
        /** The bytes are valid during the call. */
        void accept(MemorySegment bytes) throws ErrnoException;
    }

    /** Returns a stream. */
    public interface Source {
        /** The next bytes; none at the end. */
        MemorySegment next() throws ErrnoException;
    }

    /**
     * Saves the device's state and memory, with or without a user; its accesses are delayed meanwhile.
     *
     * @throws ErrnoException ENOTTY: the driver cannot save its state; EBUSY: a call does not return, or its user
     *     migrates the device; else the vendor's errno
     */
    public void save(Sink to) throws ErrnoException {
        device.visit(
                fresh -> alone("save", fresh, ops -> save(fresh, ops, to)),
                open -> alone("save", open, ops -> {
                    device.requireCurrent(open);
                    save(open, ops, to);
                }));
    }

    /**
     * Restores what {@link #save} has saved of a device of the same type. The memory is that of the next user.
     *
     * @throws ErrnoException EBUSY: the device has a user; EINVAL: not such a stream; else the vendor's errno. The
     *     device has been reset then
     */
    public void restore(Source from) throws ErrnoException {
        device.visit(fresh -> alone("restore", fresh, ops -> restore(fresh, ops, from)), _ -> {
            throw new ErrnoException(Errno.EBUSY, "the device has a user");
        });
    }

    private interface Step {
        void run(DeviceOps ops) throws ErrnoException;
    }

    private OpenDevice alone(String name, OpenDevice open, Step step) throws ErrnoException {
        return slot.callAlone(name, ALONE, ops -> {
            step.run(ops);
            return open;
        });
    }

    private static void save(OpenDevice open, DeviceOps ops, Sink to) throws ErrnoException {
        open.requireNoMigration();
        try {
            open.migrate(ops, MigrationState.STOP_COPY);
            MemorySegment buffer = MemorySegment.ofArray(new byte[BUFFER]);
            int read = open.migration().read(buffer);
            while (read > 0) {
                to.accept(buffer.asSlice(0, read));
                read = open.migration().read(buffer);
            }
        } finally {
            if (open.migration().state() != MigrationState.ERROR) { // only a reset leaves it
                open.migrate(ops, MigrationState.RUNNING);
            }
        }
    }

    private static void restore(OpenDevice open, DeviceOps ops, Source from) throws ErrnoException {
        open.migrate(ops, MigrationState.RESUMING);
        for (MemorySegment bytes = from.next(); bytes.byteSize() > 0; bytes = from.next()) {
            open.migration().write(bytes);
        }
        open.migrate(ops, MigrationState.RUNNING);
        open.keepMemories();
    }
}
