package mdev.linux;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;

/**
 * Reuses the numbers of closed descriptors: the kernel assigns the lowest free number to the next open.
 */
final class Numbers {
    private Numbers() {}

    @FunctionalInterface
    interface Opening {
        Fd open() throws LinuxException;
    }

    /**
     * Opens a file with this number. May need several attempts: a thread of the JVM may have opened or just closed a
     * file, too (its compiler checks the free memory).
     */
    static Fd reuse(int number, Opening opening) throws LinuxException {
        List<Fd> lower = new ArrayList<>();
        try {
            long deadline = System.nanoTime() + Threads.PATIENCE.toNanos();
            for (; ; ) {
                Fd next = opening.open();
                if (next.number() == number) {
                    return next;
                }
                if (next.number() < number) {
                    lower.add(next);
                } else {
                    next.close();
                }
                assertTrue(System.nanoTime() < deadline, () -> number + " is not given again");
            }
        } finally {
            lower.forEach(Fd::close);
        }
    }
}
