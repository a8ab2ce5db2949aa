package vendor.gpusim.engine;

import java.util.Locale;
import java.util.Optional;
import java.util.stream.Stream;

/** The division of the engine's time between the vGPUs in use. */
public enum Policy {
    /** vGPUs with work take turns; unused time goes to the others. */
    BEST_EFFORT,
    /** Each vGPU has the same share, whether it needs it or not. */
    EQUAL_SHARE,
    /** Each vGPU has its type's share of the whole GPU, independent of the number of vGPUs. */
    FIXED_SHARE;

    /** The text of the {@code scheduler_policy} attribute. */
    public String label() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** The policy of a label. */
    public static Optional<Policy> of(String label) {
        return Stream.of(values())
                .filter(policy -> policy.label().equals(label))
                .findFirst();
    }

    /** The maximum share of the engine's time for a vGPU. */
    double limit(double fixed, int users) {
        return switch (this) {
            case BEST_EFFORT -> 1;
            case EQUAL_SHARE -> 1.0 / users;
            case FIXED_SHARE -> fixed;
        };
    }
}
