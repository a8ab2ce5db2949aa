package itests.bench.inside;

import java.util.List;
import java.util.Map;
import mdev.api.errno.ErrnoException;

/** Measures inside the platform what cannot be measured outside. */
@FunctionalInterface
interface Measurement {
    /** The rounds before those that count, for the compiler. */
    int WARM_UP = 5;

    double SECOND = 1e9;

    /**
     * @param arguments of the command
     * @return the values of each round, by name
     */
    Map<String, List<Double>> run(List<Integer> arguments) throws ErrnoException;
}
