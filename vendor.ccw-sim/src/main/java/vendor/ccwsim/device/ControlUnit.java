package vendor.ccwsim.device;

import java.util.Arrays;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.state.DeviceState;
import vendor.ccwsim.channel.CcwDevice;
import vendor.ccwsim.channel.DataTransfer;
import vendor.ccwsim.channel.DeviceStatus;
import vendor.ccwsim.channel.TransferEndedException;

/** The commands that every device has (Common I/O Device Commands, SA22-7204): no-operation, sense, sense ID. */
abstract class ControlUnit implements CcwDevice {
    static final int NO_OPERATION = 0x03;
    static final int SENSE = 0x04;
    static final int SENSE_ID = 0xe4;

    static final int ENDED = DeviceStatus.CHANNEL_END | DeviceStatus.DEVICE_END;

    /** Sense byte 0. */
    static final int COMMAND_REJECT = 0x80;

    static final int EQUIPMENT_CHECK = 0x10;

    private final byte[] senseId;
    private final byte[] sense;

    /**
     * @param type the type of the control unit and the device, as sense ID returns it
     * @param senseLength of the sense data in bytes
     */
    ControlUnit(Type type, int senseLength) {
        this.senseId = type.senseId();
        this.sense = new byte[senseLength];
    }

    /**
     * The first 7 bytes of sense ID, {@code struct senseid}.
     *
     * @param cuType 16 bits, as the other types
     * @param cuModel 8 bits, as the other models
     */
    record Type(int cuType, int cuModel, int devType, int devModel) {
        byte[] senseId() {
            return new byte[] {
                (byte) 0xff,
                (byte) (cuType >> 8),
                (byte) cuType,
                (byte) cuModel,
                (byte) (devType >> 8),
                (byte) devType,
                (byte) devModel
            };
        }
    }

    @Override
    public final int execute(int command, DataTransfer transfer) throws TransferEndedException, InterruptedException {
        return switch (command) {
            case NO_OPERATION -> ENDED;
            case SENSE -> {
                byte[] reported = sense.clone();
                Arrays.fill(sense, (byte) 0); // before the transfer: a check of the channel leaves none either
                yield send(reported, transfer);
            }
            default -> {
                Arrays.fill(sense, (byte) 0); // describes the previous command only
                yield command == SENSE_ID ? send(senseId, transfer) : perform(command, transfer);
            }
        };
    }

    /** Executes a command of the device's own; as {@link CcwDevice#execute}. */
    abstract int perform(int command, DataTransfer transfer) throws TransferEndedException, InterruptedException;

    static int send(byte[] data, DataTransfer transfer) throws TransferEndedException {
        transfer.toMemory(data, 0, data.length);
        return ENDED;
    }

    /** The status of a command that fails for the reason in sense byte 0. */
    final int unitCheck(int reason) {
        sense[0] = (byte) reason;
        return ENDED | DeviceStatus.UNIT_CHECK;
    }

    /** As {@link #unitCheck(int)}, with sense byte 1. */
    final int unitCheck(int reason, int detail) {
        sense[1] = (byte) detail;
        return unitCheck(reason);
    }

    @Override
    public void reset() {
        Arrays.fill(sense, (byte) 0);
    }

    @Override
    public DeviceState save() {
        return DeviceState.version(1).with("sense", sense.clone());
    }

    @Override
    public void restore(DeviceState state) throws ErrnoException {
        byte[] saved = state.bytes("sense");
        if (saved.length != sense.length) {
            throw new ErrnoException(
                    Errno.EINVAL, "state: " + saved.length + " bytes of sense data, not " + sense.length);
        }
        System.arraycopy(saved, 0, sense, 0, sense.length);
    }
}
