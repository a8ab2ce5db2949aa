package mdev.linux;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;

/**
 * The numbers of descriptors that were closed: the kernel gives the lowest free one to whoever opens something next.
 */
final class Numbers {
    private Numbers() {}

    @FunctionalInterface
    interface Opening {
        Fd open() throws LinuxException;
    }

    /**
     * Opens something with this number. Not always at once: a thread of the JVM may have opened, or just closed,
     * something too (its compiler looks at the free memory).
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
