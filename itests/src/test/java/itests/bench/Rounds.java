package itests.bench;

import java.util.List;
import java.util.function.DoubleUnaryOperator;
import java.util.stream.IntStream;

/**
 * A figure of several rounds, and the one beside it, measured in the same rounds.
 *
 * @param beside empty if nothing is measured beside it
 */
record Rounds(List<Double> ours, List<Double> beside) {
    Rounds {
        ours = List.copyOf(ours);
        beside = List.copyOf(beside);
        if (ours.isEmpty() || (!beside.isEmpty() && beside.size() != ours.size())) {
            throw new IllegalArgumentException(ours.size() + " rounds beside " + beside.size());
        }
    }

    static Rounds alone(List<Double> values) {
        return new Rounds(values, List.of());
    }

    /** The same in another measure, for example a rate instead of a time. */
    Rounds map(DoubleUnaryOperator of) {
        return new Rounds(
                ours.stream().map(of::applyAsDouble).toList(),
                beside.stream().map(of::applyAsDouble).toList());
    }

    /** Of each round, whose two sides met the same disturbances. */
    List<Double> ratios() {
        return IntStream.range(0, beside.size())
                .mapToObj(round -> ours.get(round) / beside.get(round))
                .toList();
    }

    static double median(List<Double> values) {
        List<Double> sorted = values.stream().sorted().toList();
        int middle = sorted.size() / 2;
        return sorted.size() % 2 == 1 ? sorted.get(middle) : (sorted.get(middle - 1) + sorted.get(middle)) / 2;
    }
}
