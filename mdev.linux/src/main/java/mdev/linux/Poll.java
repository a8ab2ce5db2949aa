package mdev.linux;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.time.Duration;
import mdev.sync.Deadline;

/**
 * {@code poll(2)} for one descriptor:
 *
 * <pre>
 * struct pollfd {        // include/uapi/asm-generic/poll.h
 *     int   fd;
 *     short events;
 *     short revents;
 * };
 * </pre>
 *
 * <p> Thread-safe. Closing the descriptor does not end a wait. Waiting has no side
 * effects, so a reused number can at worst end the wait early, or make it last until the timeout.
 */
public final class Poll {
    public static final int POLLIN = 0x1;
    public static final int POLLOUT = 0x4;
    public static final int POLLERR = 0x8;

    private static final long BYTES = 8;
    private static final long FD = 0;
    private static final long EVENTS = 4;
    private static final long REVENTS = 6;

    private static final MethodHandle POLL =
            Libc.function("poll", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT));

    private Poll() {}

    /**
     * Waits for one of the events; POLLERR and POLLHUP are implied.
     *
     * @param timeout the maximum wait; zero or less does not block
     * @return the events that occurred, 0 on timeout
     * @throws LinuxException EBADF: closed
     */
    public static int await(Fd fd, int events, Duration timeout) throws LinuxException {
        int number = fd.number();
        if (number < 0) {
            throw new LinuxException("poll", LinuxErrno.EBADF); // poll(2) ignores negative numbers
        }
        Deadline deadline = Deadline.in(timeout);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment pollFd = arena.allocate(BYTES, JAVA_INT.byteAlignment());
            pollFd.set(JAVA_INT, FD, number);
            pollFd.set(JAVA_SHORT, EVENTS, (short) events);
            long n;
            do {
                // The remaining time is recomputed after each EINTR.
                n = Libc.call("poll", state -> (int) POLL.invokeExact(state, pollFd, 1L, deadline.remainingMillis()));
            } while (n == 0 && !deadline.hasPassed());
            return n == 0 ? 0 : pollFd.get(JAVA_SHORT, REVENTS);
        }
    }
}
