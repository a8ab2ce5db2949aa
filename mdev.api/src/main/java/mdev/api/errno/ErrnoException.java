package mdev.api.errno;

import java.util.Objects;

/**
 * The kernel's negative return value: the one way in which a call of ours is refused.
 *
 * <p>It is an answer, not a fault: it carries no stack trace, so that a hostile guest cannot make us pay for one per
 * access. It becomes a wire error, an errno of a file system call or a shell message in exactly one place each.
 */
public final class ErrnoException extends Exception {
    private static final long serialVersionUID = 1L;

    private final Errno errno;

    /**
     * @param errno the reason as a number
     * @param message the reason as one line that says what was wrong and, where there is a choice, what would be right
     */
    public ErrnoException(Errno errno, String message) {
        super(message, null, false, false);
        this.errno = Objects.requireNonNull(errno, "errno");
    }

    /** @param errno the reason, with its own sentence as the message */
    public ErrnoException(Errno errno) {
        this(errno, errno.sentence());
    }

    public Errno errno() {
        return errno;
    }

    @Override
    public String toString() {
        return errno + ": " + getMessage();
    }
}
