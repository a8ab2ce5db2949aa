package mdev.linux;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import mdev.sync.Deadline;

/**
 * {@code poll(2)} for one descriptor. Thread-safe. Closing the descriptor does not end a wait. Waiting has no side
 * effects, so a reused number can at worst end the wait early, or make it last until the timeout.
 */
public final class Poll {
    public static final int POLLIN = 0x1;
    public static final int POLLOUT = 0x4;
    public static final int POLLERR = 0x8;
    public static final int POLLHUP = 0x10;

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
            MemorySegment pollFd = PollFd.of(arena, number, events);
            long n;
            do {
                // The remaining time is recomputed after each EINTR.
                n = Libc.call("poll", state -> PollFd.poll(state, pollFd, deadline.remainingMillis()));
            } while (n == 0 && !deadline.hasPassed());
            return n == 0 ? 0 : PollFd.revents(pollFd);
        }
    }
}
