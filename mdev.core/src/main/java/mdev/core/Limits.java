package mdev.core;

import java.time.Duration;
import mdev.core.sync.Deadline;
import org.jspecify.annotations.Nullable;
import org.slf4j.LoggerFactory;

/**
 * How long the core waits for others.
 *
 * @param total for everything that one removal or unregistration has to wait for
 * @param patience the part of it that a driver gets to make the user of a device leave
 */
public record Limits(Duration total, Duration patience) {
    /** The framework property that sets {@link #total}, in milliseconds. */
    public static final String PROPERTY = "mdev.removal.timeout";

    /** Below SCR's lock time-out of 5 s. */
    private static final Duration DEFAULT = Duration.ofSeconds(4);

    public static final Limits STANDARD = of(null);

    /** As a framework property has them; half of the time is the driver's. */
    public static Limits of(@Nullable String property) {
        Duration total = total(property);
        return new Limits(total, total.dividedBy(2));
    }

    private static Duration total(@Nullable String property) {
        if (property == null) {
            return DEFAULT;
        }
        try {
            int millis = Integer.parseInt(property.strip()); // 24 days at most
            if (millis >= 0) {
                return Duration.ofMillis(millis);
            }
        } catch (NumberFormatException e) {
            // said below
        }
        LoggerFactory.getLogger(Limits.class)
                .warn("{}={}: not a number of milliseconds; using {}", PROPERTY, property, DEFAULT.toMillis());
        return DEFAULT;
    }

    Deadline deadline() {
        return Deadline.in(total);
    }
}
