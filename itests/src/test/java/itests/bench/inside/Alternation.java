package itests.bench.inside;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import mdev.api.errno.ErrnoException;

/** Measures both sides of each round one after the other. */
final class Alternation {
    /** One side of a round. */
    interface Side {
        void run() throws ErrnoException;
    }

    private Alternation() {}

    /** @return the nanoseconds of each side, {@code ours} and {@code beside} */
    static Map<String, List<Double>> nanos(int rounds, Side ours, Side beside) throws ErrnoException {
        List<Double> first = new ArrayList<>();
        List<Double> second = new ArrayList<>();
        for (int round = -Measurement.WARM_UP; round < rounds; round++) {
            double one = time(ours);
            double other = time(beside);
            if (round >= 0) {
                first.add(one);
                second.add(other);
            }
        }
        return Map.of("ours", first, "beside", second);
    }

    private static double time(Side side) throws ErrnoException {
        long start = System.nanoTime();
        side.run();
        return System.nanoTime() - start;
    }
}
