package vfio.user.wire;

import java.util.List;
import mdev.api.errno.ErrnoException;
import mdev.linux.Fd;

/** {@code VFIO_USER_DEVICE_GET_REGION_IO_FDS}: argsz, flags, index, count. */
public record RegionIoFdsRequest(int index) {
    public static final int BYTES = 16;

    private static final Command COMMAND = Command.DEVICE_GET_REGION_IO_FDS;

    public static RegionIoFdsRequest of(Message message, List<Fd> fds) throws ErrnoException {
        Checks.noFds(fds, COMMAND);
        Checks.sizes(message, COMMAND, BYTES);
        Checks.require(
                Integer.compareUnsigned(message.u32(0), Message.MAX_DATA) <= 0,
                COMMAND,
                "argsz " + Integer.toUnsignedString(message.u32(0)));
        Checks.require(message.u32(4) == 0, COMMAND, "flags 0x" + Integer.toHexString(message.u32(4)));
        Checks.require(message.u32(12) == 0, COMMAND, "the count of a request must be 0");
        return new RegionIoFdsRequest(message.u32(8));
    }
}
