package vfio.user.wire;

import java.util.List;
import mdev.api.errno.ErrnoException;
import mdev.linux.Fd;

/**
 * {@code VFIO_USER_DEVICE_GET_REGION_INFO}: argsz, flags, index and the fields that the answer fills in.
 *
 * @param argsz the maximum size of the answer
 */
public record RegionInfoRequest(int argsz, int index) {
    /** {@code struct vfio_region_info}. */
    public static final int BYTES = 32;

    private static final Command COMMAND = Command.DEVICE_GET_REGION_INFO;

    public static RegionInfoRequest of(Message message, List<Fd> fds) throws ErrnoException {
        Checks.noFds(fds, COMMAND);
        Checks.sizes(message, COMMAND, BYTES);
        return new RegionInfoRequest(message.u32(0), message.u32(8));
    }
}
