package mdev.api.metrics;

import java.util.List;
import java.util.Map;

/**
 * A metric as OpenMetrics defines it.
 *
 * @param type the meaning of its values
 *
 * @param name lower case with the unit at its end, words joined by {@code _}; the exposition adds {@code _total} to a
 *     counter
 * @param help one sentence
 * @param samples a value for each set of labels
 */
public record Metric(Type type, String name, String help, List<Sample> samples) {
    public Metric {
        samples = List.copyOf(samples);
    }

    public static Metric counter(String name, String help, List<Sample> samples) {
        return new Metric(Type.COUNTER, name, help, samples);
    }

    public static Metric gauge(String name, String help, List<Sample> samples) {
        return new Metric(Type.GAUGE, name, help, samples);
    }

    /** A gauge with a single value. */
    public static Metric gauge(String name, String help, long value) {
        return gauge(name, help, List.of(new Sample(Map.of(), value)));
    }

    /** The meaning of a metric's values. */
    public enum Type {
        /** Only increases, as long as its labels exist. */
        COUNTER,
        /** Increases and decreases. */
        GAUGE
    }

    /** A value and its labels. */
    public record Sample(Map<String, String> labels, double value) {
        public Sample {
            labels = Map.copyOf(labels);
        }
    }
}
