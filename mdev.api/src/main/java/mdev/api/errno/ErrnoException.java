package mdev.api.errno;

import java.util.Objects;

/**
 * The kernel's negative return value: the only way in which our calls report failure.
 *
 * <p>It is a reply, not a fault: it carries no stack trace, so that a hostile guest cannot force the cost of one per
 * access. It is translated into a wire error, an errno of a file system call or a shell message in exactly one place
 * each.
 */
public class ErrnoException extends Exception {
    private static final long serialVersionUID = 1L;

    private final Errno errno;

    /**
     * @param errno the reason as a number
     * @param message the reason in one line: what was wrong and, where there is a choice, what would be right
     */
    public ErrnoException(Errno errno, String message) {
        super(message, null, false, false);
        this.errno = Objects.requireNonNull(errno, "errno");
    }

    /** @param errno the reason; its text becomes the message */
    public ErrnoException(Errno errno) {
        this(errno, errno.sentence());
    }

    public final Errno errno() {
        return errno;
    }

    @Override
    public String toString() {
        return errno + ": " + getMessage();
    }
}
