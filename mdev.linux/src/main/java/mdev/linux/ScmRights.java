package mdev.linux;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * A control message with descriptors.
 *
 * <pre>
 * struct cmsghdr {                      // include/linux/socket.h
 *     __kernel_size_t cmsg_len;
 *     int             cmsg_level;
 *     int             cmsg_type;
 *     // int          fd[];
 * };
 * </pre>
 */
final class ScmRights {
    /** The kernel's SCM_MAX_FD, the limit per message. */
    static final int MAX_FDS = 253;

    private static final long LEN = 0;
    private static final long LEVEL = 8;
    private static final long TYPE = 12;
    private static final long DATA = 16;

    private static final int SOL_SOCKET = 1;
    private static final int SCM_RIGHTS = 1;

    private ScmRights() {}

    static void requireMaxFds(int maxFds) {
        if (maxFds < 0 || maxFds > MAX_FDS) {
            throw new IllegalArgumentException("maxFds " + maxFds + ", 0 to " + MAX_FDS + " are possible");
        }
    }

    /**
     * CMSG_LEN instead of CMSG_SPACE: the kernel would deliver one descriptor too many in the padding of CMSG_SPACE.
     */
    static long length(int fds) {
        return DATA + (long) Integer.BYTES * fds;
    }

    static void write(MemorySegment control, List<Fd> fds) {
        control.set(JAVA_LONG, LEN, length(fds.size()));
        control.set(JAVA_INT, LEVEL, SOL_SOCKET);
        control.set(JAVA_INT, TYPE, SCM_RIGHTS);
        for (int i = 0; i < fds.size(); i++) {
            control.set(JAVA_INT, DATA + (long) Integer.BYTES * i, fds.get(i).number());
        }
    }

    /** The number of descriptors in a received control buffer. No other kind of control message is requested. */
    static int count(MemorySegment control, long controlLength) {
        if (controlLength < DATA
                || control.get(JAVA_INT, LEVEL) != SOL_SOCKET
                || control.get(JAVA_INT, TYPE) != SCM_RIGHTS) {
            return 0;
        }
        return (int) ((control.get(JAVA_LONG, LEN) - DATA) / Integer.BYTES);
    }

    static int fd(MemorySegment control, int i) {
        return control.get(JAVA_INT, DATA + (long) Integer.BYTES * i);
    }
}
