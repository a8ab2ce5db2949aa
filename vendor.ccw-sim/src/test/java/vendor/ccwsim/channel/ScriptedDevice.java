package vendor.ccwsim.channel;

import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.List;
import mdev.api.state.DeviceState;

/** A device that executes each command as the script has it; a no-operation never moves data. */
final class ScriptedDevice implements CcwDevice {
    static final int CE_DE = DeviceStatus.CHANNEL_END | DeviceStatus.DEVICE_END;

    /**
     * What it does in one command.
     *
     * @param bytes that it sends or wants, -1: it moves no data, not even none
     * @param chunk that it moves at a time
     * @param status with which it ends
     * @param waits how often it waits before, until it is interrupted
     */
    record Reply(int bytes, int chunk, int status, int waits) {
        static Reply of(int bytes) {
            return new Reply(bytes, Integer.MAX_VALUE, CE_DE, 0);
        }

        static Reply status(int bytes, int status) {
            return new Reply(bytes, Integer.MAX_VALUE, status, 0);
        }
    }

    private final List<Reply> script;
    private final ByteArrayOutputStream received = new ByteArrayOutputStream();
    private final List<Integer> commands = new ArrayList<>();
    private int sent;
    private int waited;

    ScriptedDevice(List<Reply> script) {
        this.script = script;
    }

    @Override
    public int execute(int command, DataTransfer transfer) throws TransferEndedException, InterruptedException {
        Reply reply = script.get(commands.size() % script.size());
        if (waited < reply.waits) {
            waited++;
            throw new InterruptedException();
        }
        waited = 0;
        commands.add(command);
        if (reply.bytes < 0 || command == Ccw.NOOP) {
            return reply.status;
        }
        int done = 0;
        do {
            int bytes = Math.min(reply.chunk, reply.bytes - done);
            int moved = Ccw.isInput(command) ? send(transfer, bytes) : receive(transfer, bytes);
            if (moved < bytes) {
                return reply.status;
            }
            done += bytes;
        } while (done < reply.bytes);
        return reply.status;
    }

    private int send(DataTransfer transfer, int bytes) throws TransferEndedException {
        byte[] data = new byte[bytes];
        for (int i = 0; i < bytes; i++) {
            data[i] = pattern(sent + i);
        }
        int moved = transfer.toMemory(data, 0, bytes);
        sent += moved;
        return moved;
    }

    /** The bytes that it sends, one after another. */
    static byte pattern(int index) {
        return (byte) (index * 7 + index / 251 + 1);
    }

    private int receive(DataTransfer transfer, int bytes) throws TransferEndedException {
        byte[] data = new byte[bytes];
        int moved = transfer.fromMemory(data, 0, bytes);
        received.write(data, 0, moved);
        return moved;
    }

    byte[] received() {
        return received.toByteArray();
    }

    List<Integer> commands() {
        return commands;
    }

    @Override
    public void interrupt() {
        throw new AssertionError("it never blocks");
    }

    @Override
    public void proceed() {
        throw new AssertionError("it never blocks");
    }

    @Override
    public void reset() {
        throw new AssertionError("the channel does not reset");
    }

    @Override
    public DeviceState save() {
        throw new AssertionError("the channel does not save the device");
    }

    @Override
    public void restore(DeviceState state) {
        throw new AssertionError("the channel does not restore the device");
    }
}
