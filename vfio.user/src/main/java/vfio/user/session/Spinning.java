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

    /** The number of waits until polling is tried again, which is doubled each time that it does not pay off. */
    private static final int FIRST_PAUSE = 64;

    private static final int LAST_PAUSE = 4096;

    /** A poll that takes as many times as long as the shortest was interrupted: another thread had the processor. */
    private static final int INTERRUPTED = 8;

    private final int most;
    private final Spinners all;

    /** The number of polls in the next wait. */
    private int polls;

    /** The number of waits that are left until the next try. */
    private int blocking;

    private int pause = FIRST_PAUSE;

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
            try {
                long n = poll(socket, buffer, offset, length);
                if (n != 0) {
                    return n;
                }
            } finally {
                all.end();
            }
        } else if (polls == 0 && most > 0 && --blocking == 0) {
            polls = Math.min(most, LEAST * 2 - 1); // one failure ends the try
        }
        long n = socket.receive(buffer, offset, length, 0);
        if (n > 0) {
            all.woken();
        }
        return n;
    }

    private long poll(UnixSocket socket, MemorySegment buffer, long offset, long length) throws LinuxException {
        int wakes = all.wakes();
        boolean interrupted = false;
        long shortest = Long.MAX_VALUE;
        long begun = System.nanoTime();
        for (int i = 0; i < polls && all.wakes() == wakes; i++) {
            long n = socket.tryReceive(buffer, offset, length);
            long end = System.nanoTime();
            shortest = Math.min(shortest, end - begun);
            interrupted |= end - begun > INTERRUPTED * shortest;
            if (n != 0) {
                if (i > 0) { // otherwise it had arrived before, and to block would have taken no time either
                    learn(!interrupted);
                }
                return n;
            }
            begun = end;
            Thread.onSpinWait();
        }
        learn(false);
        return 0;
    }

    /** @param paid whether the message came while the connection polled, and on another processor */
    void learn(boolean paid) {
        if (paid) {
            polls = Math.min(most, polls * 2);
            pause = FIRST_PAUSE;
            return;
        }
        polls /= 2;
        if (polls < LEAST) {
            polls = 0;
            blocking = pause;
            pause = Math.min(2 * pause, LAST_PAUSE);
        }
    }
}
