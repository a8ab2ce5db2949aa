package vfio.mdev.migration;

import static mdev.api.vfio.MigrationState.ERROR;
import static mdev.api.vfio.MigrationState.PRE_COPY;
import static mdev.api.vfio.MigrationState.PRE_COPY_P2P;
import static mdev.api.vfio.MigrationState.RUNNING;
import static mdev.api.vfio.MigrationState.RUNNING_P2P;
import static mdev.api.vfio.MigrationState.STOP;
import static mdev.api.vfio.MigrationState.STOP_COPY;

import java.util.Optional;
import mdev.api.vfio.DeviceMigration;
import mdev.api.vfio.MigrationState;

/** The transitions between the states of a migration: {@code vfio_mig_get_next_state()}. */
public final class Arcs {
    private Arcs() {}

    /** Whether a device with these flags has the state: {@code state_flags_table}. */
    public static boolean has(int flags, MigrationState state) {
        int needed = switch (state) {
            case ERROR -> 0;
            case STOP, RUNNING, STOP_COPY, RESUMING -> DeviceMigration.STOP_COPY;
            case RUNNING_P2P -> DeviceMigration.STOP_COPY | DeviceMigration.P2P;
            case PRE_COPY -> DeviceMigration.STOP_COPY | DeviceMigration.PRE_COPY;
            case PRE_COPY_P2P -> DeviceMigration.STOP_COPY | DeviceMigration.P2P | DeviceMigration.PRE_COPY;
        };
        return (flags & needed) == needed;
    }

    /**
     * The next state on the path to another state. Arcs of states that the device lacks are passed over.
     *
     * @param flags of the device, {@link DeviceMigration#STOP_COPY} and others
     * @return empty if no path leads there
     */
    public static Optional<MigrationState> next(int flags, MigrationState from, MigrationState to) {
        if (!has(flags, from) || !has(flags, to) || to == ERROR) {
            return Optional.empty();
        }
        MigrationState next = step(from, to);
        // A blocked arc leads to ERROR, from where no path leads on: the kernel's loop did not end there at first.
        while (next != ERROR && !has(flags, next)) {
            next = step(next, to);
        }
        return next == ERROR ? Optional.empty() : Optional.of(next);
    }

    /** {@code vfio_from_fsm_table}, for a device with all states. */
    private static MigrationState step(MigrationState from, MigrationState to) {
        if (from == to) {
            return to;
        }
        return switch (from) {
            case ERROR -> ERROR;
            case STOP ->
                switch (to) {
                    case STOP_COPY, RESUMING -> to;
                    default -> RUNNING_P2P;
                };
            case RUNNING -> to == PRE_COPY ? PRE_COPY : RUNNING_P2P;
            case RUNNING_P2P ->
                switch (to) {
                    case RUNNING, PRE_COPY -> RUNNING;
                    case PRE_COPY_P2P -> PRE_COPY_P2P;
                    default -> STOP;
                };
            case STOP_COPY ->
                switch (to) {
                    case PRE_COPY, PRE_COPY_P2P -> ERROR;
                    default -> STOP;
                };
            case RESUMING -> STOP;
            case PRE_COPY ->
                switch (to) {
                    case PRE_COPY_P2P, STOP_COPY -> PRE_COPY_P2P;
                    default -> RUNNING;
                };
            case PRE_COPY_P2P ->
                switch (to) {
                    case PRE_COPY, STOP_COPY -> to;
                    default -> RUNNING_P2P;
                };
        };
    }
}
