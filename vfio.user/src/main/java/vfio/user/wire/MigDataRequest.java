package vfio.user.wire;

import java.util.List;
import mdev.api.errno.ErrnoException;
import mdev.linux.Fd;

/**
 * {@code VFIO_USER_MIG_DATA_READ} and {@code VFIO_USER_MIG_DATA_WRITE}: argsz, size; in the latter the data follow.
 *
 * @param size of the data, at most {@link Message#MAX_DATA}
 */
public record MigDataRequest(int size) {
    /** argsz and size; the data follow. */
    public static final int BYTES = 8;

    /** @param most the maximum size that was negotiated */
    public static MigDataRequest of(Message message, Command command, List<Fd> fds, long most) throws ErrnoException {
        Checks.noFds(fds, command);
        Checks.sizes(message, command, BYTES);
        long size = Integer.toUnsignedLong(message.u32(4));
        Checks.require(size <= most, command, size + " bytes, at most " + most);
        Checks.require(
                Integer.toUnsignedLong(message.u32(0)) >= BYTES + size, command, "argsz does not cover the data");
        if (command == Command.MIG_DATA_WRITE) {
            Checks.require(message.payload() == BYTES + size, command, "the data do not match the size");
        }
        return new MigDataRequest((int) size);
    }
}
