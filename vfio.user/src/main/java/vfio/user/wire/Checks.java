package vfio.user.wire;

import java.util.List;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.linux.Fd;

/** Checks shared by several messages; each violation throws EINVAL with a reason. */
final class Checks {
    private Checks() {}

    static ErrnoException invalid(Command command, String reason) {
        return new ErrnoException(Errno.EINVAL, command + ": " + reason);
    }

    static void require(boolean right, Command command, String reason) throws ErrnoException {
        if (!right) {
            throw invalid(command, reason);
        }
    }

    /** The payload, and the argsz at its beginning, must cover the fixed part. */
    static void sizes(Message message, Command command, int fixed) throws ErrnoException {
        payload(message, command, fixed);
        require(
                Integer.compareUnsigned(message.u32(0), fixed) >= 0,
                command,
                "argsz " + Integer.toUnsignedString(message.u32(0)) + ", needs " + fixed);
    }

    static void payload(Message message, Command command, int least) throws ErrnoException {
        require(message.payload() >= least, command, message.payload() + " bytes, needs " + least);
    }

    static void noFds(List<Fd> fds, Command command) throws ErrnoException {
        require(fds.isEmpty(), command, "carries " + fds.size() + " descriptors");
    }
}
