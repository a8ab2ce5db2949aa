package vfio.mdev.device;

import java.lang.foreign.MemorySegment;
import mdev.api.Slot;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.DeviceMigration;
import mdev.api.vfio.MigrationState;

/** The migration of a device by one of its handles. */
final class HandleMigration implements DeviceMigration {
    private final DeviceHandle handle;
    private final Slot slot;

    HandleMigration(DeviceHandle handle, Slot slot) {
        this.handle = handle;
        this.slot = slot;
    }

    @Override
    public int flags() throws ErrnoException {
        return entered(_ -> Migration.flags(Migration.stateful(slot.ops())));
    }

    @Override
    public MigrationState state() throws ErrnoException {
        return entered(Migration::state);
    }

    @Override
    public void setState(MigrationState state) throws ErrnoException {
        handle.alone("migration to " + state, (open, ops) -> {
            open.migrate(ops, state);
            return state;
        });
    }

    @Override
    public long dataSize() throws ErrnoException {
        return entered(Migration::dataSize);
    }

    @Override
    public int read(MemorySegment data, long offset, int length) throws ErrnoException {
        return entered(migration -> migration.read(data.asSlice(offset, length)));
    }

    @Override
    public void write(MemorySegment data, long offset, int length) throws ErrnoException {
        entered(migration -> {
            migration.write(data.asSlice(offset, length));
            return length;
        });
    }

    private interface Call<T> {
        T of(Migration migration) throws ErrnoException;
    }

    private <T> T entered(Call<T> call) throws ErrnoException {
        OpenDevice open = handle.enter();
        try {
            return call.of(open.migration());
        } finally {
            slot.leave();
        }
    }
}
