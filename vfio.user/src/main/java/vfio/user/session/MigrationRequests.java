package vfio.user.session;

import java.util.List;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.DeviceMigration;
import mdev.api.vfio.MigrationState;
import mdev.linux.Fd;
import vfio.user.wire.Command;
import vfio.user.wire.FeatureRequest;
import vfio.user.wire.Message;
import vfio.user.wire.MigDataRequest;

/** The commands and features of a migration; each returns the length of the reply's payload. */
final class MigrationRequests {
    /** All three features have 8 bytes of data. */
    private static final int BYTES = FeatureRequest.BYTES + Long.BYTES;

    private final VfioFiles device;
    private final DmaChannel dma;
    private final long most;

    /** @param most the maximum size of data in a message */
    MigrationRequests(VfioFiles device, DmaChannel dma, long most) {
        this.device = device;
        this.dma = dma;
        this.most = most;
    }

    static boolean handles(FeatureRequest feature) {
        return switch (feature.feature()) {
            case FeatureRequest.MIGRATION, FeatureRequest.MIG_DEVICE_STATE, FeatureRequest.MIG_DATA_SIZE -> true;
            default -> false;
        };
    }

    int feature(FeatureRequest feature, Message request, Message reply) throws ErrnoException {
        DeviceMigration migration = device.device().migration();
        feature.allow(
                feature.feature() == FeatureRequest.MIG_DEVICE_STATE
                        ? FeatureRequest.GET | FeatureRequest.SET
                        : FeatureRequest.GET);
        reply.copy(request, FeatureRequest.BYTES);
        if (feature.is(FeatureRequest.PROBE)) {
            return FeatureRequest.BYTES;
        }
        feature.requireData(request, BYTES);
        if (feature.is(FeatureRequest.SET)) {
            setState(migration, request.u32(FeatureRequest.BYTES));
            reply.copy(request, request.payload());
            return request.payload();
        }
        switch (feature.feature()) {
            case FeatureRequest.MIGRATION -> reply.u64(FeatureRequest.BYTES, migration.flags());
            case FeatureRequest.MIG_DATA_SIZE -> reply.u64(FeatureRequest.BYTES, migration.dataSize());
            default ->
                reply.u32(FeatureRequest.BYTES, migration.state().number())
                        .u32(FeatureRequest.BYTES + Integer.BYTES, -1); // data_fd, which the kernel has
        }
        reply.u32(0, BYTES);
        return BYTES;
    }

    private void setState(DeviceMigration migration, int number) throws ErrnoException {
        MigrationState state = MigrationState.of(number)
                .orElseThrow(() -> new ErrnoException(
                        Errno.EINVAL, "DEVICE_FEATURE: no migration state " + Integer.toUnsignedString(number)));
        if (!(dma instanceof ConnectionChannel channel)) {
            migration.setState(state);
            return;
        }
        channel.suspend(AddressRange.ALL); // a device that waits for the client would not come to its stop
        try {
            migration.setState(state);
        } finally {
            channel.resume();
        }
    }

    int read(Message request, List<Fd> fds, Message reply) throws ErrnoException {
        int size = MigDataRequest.of(request, Command.MIG_DATA_READ, fds, most).size();
        int read = device.device().migration().read(reply.buffer(), reply.position(MigDataRequest.BYTES), size);
        reply.u32(0, MigDataRequest.BYTES + read).u32(4, read);
        return MigDataRequest.BYTES + read;
    }

    int write(Message request, List<Fd> fds) throws ErrnoException {
        int size = MigDataRequest.of(request, Command.MIG_DATA_WRITE, fds, most).size();
        device.device().migration().write(request.buffer(), request.position(MigDataRequest.BYTES), size);
        return 0;
    }
}
