package mdev.linux;

/**
 * A failed system call. An expected result rather than a fault: it has no stack trace, because a hostile peer can
 * provoke one per message.
 */
public final class LinuxException extends Exception {
    private static final long serialVersionUID = 1L;

    private final String call;
    private final int errno;

    LinuxException(String call, int errno) {
        this(call, errno, LinuxErrno.describe(errno));
    }

    LinuxException(String call, int errno, String reason) {
        super(call + ": " + reason, null, false, false);
        this.call = call;
        this.errno = errno;
    }

    /** The name of the system call, with details where useful. */
    public String call() {
        return call;
    }

    /** The positive number, as in {@code errno.h}. */
    public int errno() {
        return errno;
    }
}
