package vfio.user.session;

import java.lang.foreign.MemorySegment;
import mdev.linux.LinuxException;
import mdev.linux.UnixSocket;

/**
 * How a connection waits for its next message. To poll instead of blocking saves the time of a wake-up, but takes a
 * processor, which the client may need in order to send at all. So a connection polls as long as that has paid off
 * lately, and otherwise tries it again more and more seldom. Used by the connection's thread.
 */
final class Spinning {
    /** Fewer polls take less time than a wake-up. */
    private static final int LEAST = 8;

    /** The number of waits without polling after which polling is tried again: doubled each time it does not pay off. */
    private static final int FIRST_PROBE = 64;

    private static final int LAST_PROBE = 4096;

    private final int most;
    private final Spinners all;

    /** The number of polls in the next wait. */
    private int polls;

    /** The number of waits that are left until the next try. */
    private int blocking;

    private int probe = FIRST_PROBE;

    /**
     * @param most the number of polls in a wait
     * @param all the connections of this process
     */
    Spinning(int most, Spinners all) {
        this.most = most;
        this.all = all;
        this.polls = most;
    }

    /** The number of polls in the next wait, at most. */
    int polls() {
        return polls;
    }

    /** As {@link UnixSocket#receive}. */
    long receive(UnixSocket socket, MemorySegment buffer, long offset, long length) throws LinuxException {
        if (polls > 0 && all.begin()) {
            long n;
            try {
                n = poll(socket, buffer, offset, length);
            } finally {
                all.end();
            }
            if (n != 0) {
                polls = Math.min(most, polls * 2);
                probe = FIRST_PROBE;
                return n;
            }
            polls /= 2;
            if (polls < LEAST) {
                polls = 0;
                blocking = probe;
                probe = Math.min(2 * probe, LAST_PROBE);
            }
        } else if (polls == 0 && most > 0 && --blocking == 0) {
            polls = Math.min(most, LEAST * 2 - 1); // one failure ends the try
        }
        long received = socket.receive(buffer, offset, length, 0);
        if (received > 0) {
            all.woken();
        }
        return received;
    }

    private long poll(UnixSocket socket, MemorySegment buffer, long offset, long length) throws LinuxException {
        int wakes = all.wakes();
        for (int i = polls; i > 0 && all.wakes() == wakes; i--) {
            long n = socket.tryReceive(buffer, offset, length);
            if (n != 0) {
                return n;
            }
            Thread.onSpinWait();
        }
        return 0;
    }
}
