package mdev.api.vfio;

import java.util.Arrays;
import java.util.Optional;

/** {@code enum vfio_device_mig_state}. */
public enum MigrationState {
    /** The device has failed; only a reset leaves this state. */
    ERROR(0),
    /** The device does nothing by itself. */
    STOP(1),
    RUNNING(2),
    /** {@link #STOP}, and the device's state can be read. */
    STOP_COPY(3),
    /** {@link #STOP}, and a state can be written. */
    RESUMING(4),
    /** {@link #RUNNING} without accesses to the user's memory; with {@link DeviceMigration#P2P} only. */
    RUNNING_P2P(5),
    /** As the next, with {@link DeviceMigration#PRE_COPY} only, which no device has yet. */
    PRE_COPY(6),
    PRE_COPY_P2P(7);

    private final int number;

    MigrationState(int number) {
        this.number = number;
    }

    /** The number of the state in the kernel's header. */
    public int number() {
        return number;
    }

    /** The state with a number; empty if there is none. */
    public static Optional<MigrationState> of(int number) {
        return Arrays.stream(values()).filter(state -> state.number == number).findFirst();
    }
}
