package vendor.gpusim.engine;

import java.util.Locale;
import java.util.Optional;
import java.util.stream.Stream;

/** How the engine's time is divided between the vGPUs that are in use. */
public enum Policy {
    /** Who has work takes turns; what one does not need is the others'. */
    BEST_EFFORT,
    /** Each has the same part, whether it needs it or not. */
    EQUAL_SHARE,
    /** Each has the part that its type has of the whole GPU, however many there are. */
    FIXED_SHARE;

    /** As in the {@code scheduler_policy} attribute. */
    public String label() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** The policy of a label. */
    public static Optional<Policy> of(String label) {
        return Stream.of(values())
                .filter(policy -> policy.label().equals(label))
                .findFirst();
    }

    /** The part of the engine's time that a vGPU may have. */
    double limit(double fixed, int users) {
        return switch (this) {
            case BEST_EFFORT -> 1;
            case EQUAL_SHARE -> 1.0 / users;
            case FIXED_SHARE -> fixed;
        };
    }
}
