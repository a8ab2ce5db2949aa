package vfio.user.wire;

import java.util.List;
import mdev.api.errno.ErrnoException;
import mdev.linux.Fd;

/**
 * {@code VFIO_USER_DEVICE_GET_INFO} and {@code VFIO_USER_DEVICE_GET_IRQ_INFO}: four words; in the latter the third is
 * the index.
 */
public record InfoRequest(int index) {
    /** {@code struct vfio_device_info} without later extensions, and {@code struct vfio_irq_info}. */
    public static final int BYTES = 16;

    public static InfoRequest of(Message message, Command command, List<Fd> fds) throws ErrnoException {
        Checks.noFds(fds, command);
        Checks.sizes(message, command, BYTES);
        return new InfoRequest(message.u32(8));
    }
}
