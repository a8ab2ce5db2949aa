package vfio.mdev.irq;

import java.util.List;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.function.Supplier;
import java.util.stream.Stream;

/**
 * Two threads race over many small subjects at once, as jcstress does: each subject sees one call of either, in any
 * interleaving that the machine has.
 */
final class Race {
    private static final int ROUNDS = 50;
    private static final int SUBJECTS = 1000;
    private static final int SPINS = 500;

    private Race() {}

    /** @param check verifies a subject after both calls */
    static <S> void run(Supplier<S> subject, Consumer<S> one, Consumer<S> other, Consumer<S> check) throws Exception {
        CyclicBarrier start = new CyclicBarrier(2);
        try (ExecutorService threads = Executors.newFixedThreadPool(2)) {
            for (int round = 0; round < ROUNDS; round++) {
                List<S> subjects = Stream.generate(subject).limit(SUBJECTS).toList();
                AtomicInteger left = new AtomicInteger();
                AtomicInteger right = new AtomicInteger();
                Future<?> first = threads.submit(() -> go(start, subjects, one, left, right));
                Future<?> second = threads.submit(() -> go(start, subjects, other, right, left));
                first.get();
                second.get();
                subjects.forEach(check);
            }
        }
    }

    private static <S> Void go(
            CyclicBarrier start, List<S> subjects, Consumer<S> act, AtomicInteger mine, AtomicInteger theirs)
            throws Exception {
        start.await();
        int at = 0;
        for (S subject : subjects) {
            mine.set(++at);
            // Meets the other thread at each subject, but does not wait for one that is not running.
            for (int spins = 0; spins < SPINS && theirs.get() < at; spins++) {
                Thread.onSpinWait();
            }
            act.accept(subject);
        }
        return null;
    }
}
