package vfio.user.wire;

import java.util.List;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.IoEvent;
import mdev.linux.Fd;

/**
 * {@code VFIO_USER_DEVICE_GET_REGION_IO_FDS}: argsz, flags, index, count.
 *
 * @param argsz the maximum size of the answer
 */
public record RegionIoFdsRequest(int argsz, int index) {
    public static final int BYTES = 16;

    /** An entry of the answer: as in libvfio-user. The specification has 40 bytes, "not to be relied on". */
    public static final int ENTRY = 48;

    /** {@code KVM_IOEVENTFD_FLAG_DATAMATCH}. */
    private static final int DATAMATCH = 1;

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
        return new RegionIoFdsRequest(message.u32(0), message.u32(8));
    }

    /**
     * Writes an entry of the answer, of type ioeventfd (0): offset, size, index of the descriptor, type, flags, and
     * the value twice: at the offsets of the specification and of libvfio-user.
     */
    public static void write(Message reply, int number, IoEvent event) {
        int at = BYTES + number * ENTRY;
        long value = event.datamatch().orElse(0);
        reply.u64(at, event.offset())
                .u64(at + 8, event.size())
                .u32(at + 16, number)
                .u32(at + 20, 0)
                .u32(at + 24, event.datamatch().isPresent() ? DATAMATCH : 0)
                .u32(at + 28, 0)
                .u64(at + 32, value)
                .u64(at + 40, value);
    }
}
