package vendor.ccwsim.device;

import java.util.Arrays;
import java.util.HexFormat;
import vendor.ccwsim.channel.CcwDevice;
import vendor.ccwsim.channel.DataTransfer;
import vendor.ccwsim.channel.DeviceStatus;

/** One command of a program, with its data area in an array. */
final class Command implements DataTransfer {
    static final int ENDED = DeviceStatus.CHANNEL_END | DeviceStatus.DEVICE_END;
    static final int UNIT_CHECK = ENDED | DeviceStatus.UNIT_CHECK;

    private final int code;
    private final byte[] area;
    private int moved;

    private Command(int code, byte[] area) {
        this.code = code;
        this.area = area;
    }

    /** A command that sends these bytes to the device. */
    static Command out(int code, byte... data) {
        return new Command(code, data);
    }

    static Command out(int code, String hex) {
        return out(code, HexFormat.ofDelimiter(" ").parseHex(hex));
    }

    /** A command that receives at most {@code count} bytes from the device. */
    static Command in(int code, int count) {
        return new Command(code, new byte[count]);
    }

    int on(CcwDevice device) throws Exception {
        return device.execute(code, this);
    }

    /** What the device has sent. */
    byte[] received() {
        return Arrays.copyOf(area, moved);
    }

    String hex() {
        return HexFormat.ofDelimiter(" ").formatHex(received());
    }

    @Override
    public int toMemory(byte[] data, int offset, int length) {
        int fits = Math.min(length, area.length - moved);
        System.arraycopy(data, offset, area, moved, fits);
        moved += fits;
        return fits;
    }

    @Override
    public int available() {
        return area.length - moved;
    }

    @Override
    public int fromMemory(byte[] data, int offset, int length) {
        int fits = Math.min(length, area.length - moved);
        System.arraycopy(area, moved, data, offset, fits);
        moved += fits;
        return fits;
    }
}
