package vendor.ccwsim.channel;

import mdev.api.errno.ErrnoException;
import mdev.api.state.DeviceState;

/**
 * A device with its control unit behind a subchannel. The subchannel's thread calls it, one call at a time; only
 * {@link #interrupt()} arrives from other threads.
 */
public interface CcwDevice {
    /** A new channel program begins: what an earlier one has set up for its own commands is void. */
    default void start() {}

    /**
     * Executes a command: moves its data through the transfer, and returns when the device has ended.
     *
     * @param command the command code, not TIC; the low bits select write, read, control or sense
     * @return the device status of the ending, a set of the bits of {@link DeviceStatus}: normally channel end and
     *     device end; with unit check if the sense data, which the basic sense command reads, say why
     * @throws TransferEndedException thrown by the transfer, which the device passes on: a check condition in the
     *     channel has ended the command
     * @throws InterruptedException {@link #interrupt()} came while the command waited and had moved no data: the
     *     command can be executed again
     */
    int execute(int command, DataTransfer transfer) throws TransferEndedException, InterruptedException;

    /** Ends a command that waits, now or before it begins to wait; otherwise the next that would wait. Idempotent. */
    void interrupt();

    /** Permits waiting again, after {@link #interrupt()} and before the next {@link #execute}. */
    void proceed();

    /** Whether the device requests attention now: unsolicited status, for which no program is executing. */
    default boolean attention() {
        return false;
    }

    /** Resets the device as the clear function does: sense data and modes are lost, the medium is kept. */
    void reset();

    /** Fields for the state of the subchannel; the device is not executing. */
    DeviceState save();

    /** Sets what {@link #save()} returned, on a device that has been reset. */
    void restore(DeviceState state) throws ErrnoException;
}
