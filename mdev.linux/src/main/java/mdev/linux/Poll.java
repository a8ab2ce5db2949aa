package mdev.linux;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import mdev.sync.Deadline;

/**
 * {@code poll(2)} for one descriptor. Any thread. Closing the descriptor does not end a wait; since waiting changes
 * nothing, the worst that a number reused meanwhile does is to end it early, or to let it last for its whole time.
 */
public final class Poll {
    public static final int POLLIN = 0x1;
    public static final int POLLOUT = 0x4;
    public static final int POLLERR = 0x8;
    public static final int POLLHUP = 0x10;

    private Poll() {}

    /**
     * Waits for one of the events, or for POLLERR or POLLHUP, which are always waited for.
     *
     * @param timeout the longest wait; zero or less only looks
     * @return the events that there are, 0 if the time ran out
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
                // The time that is left is taken anew whenever a signal interrupts the wait.
                n = Libc.call("poll", state -> PollFd.poll(state, pollFd, deadline.remainingMillis()));
            } while (n == 0 && !deadline.hasPassed());
            return n == 0 ? 0 : PollFd.revents(pollFd);
        }
    }
}
