package mdev.linux;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.api.function.Executable;

/** Assertions on errnos. */
final class Answers {
    static final int ENOENT = 2;
    static final int EBADF = 9;
    static final int EACCES = 13;
    static final int EPERM = 1;
    static final int EBUSY = 16;
    static final int EEXIST = 17;
    static final int ENODEV = 19;
    static final int EINVAL = 22;
    static final int EMFILE = 24;
    static final int ESPIPE = 29;
    static final int EPIPE = 32;
    static final int ENAMETOOLONG = 36;
    static final int EADDRINUSE = 98;
    static final int ECONNRESET = 104;
    static final int ETIMEDOUT = 110;
    static final int ECONNREFUSED = 111;

    private Answers() {}

    /** Asserts that the call fails with this errno; returns the message. */
    static String refused(int errno, Executable call) {
        LinuxException e = assertThrows(LinuxException.class, call);
        assertEquals(errno, e.errno(), e.getMessage());
        return String.valueOf(e.getMessage());
    }
}
