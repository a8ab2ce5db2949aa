package vfio.mdev;

import java.time.Duration;
import org.jspecify.annotations.Nullable;
import org.slf4j.LoggerFactory;

/** How long a user who listens is waited for when its device is removed. */
final class RequestTimeout {
    /** The framework property that sets it, in milliseconds. */
    static final String PROPERTY = "vfio.request.timeout";

    private static final Duration DEFAULT = Duration.ofSeconds(1);

    private RequestTimeout() {}

    static Duration of(@Nullable String property) {
        if (property == null) {
            return DEFAULT;
        }
        try {
            long millis = Long.parseLong(property.strip());
            if (millis >= 0) {
                return Duration.ofMillis(millis);
            }
        } catch (NumberFormatException e) {
            // said below
        }
        LoggerFactory.getLogger(RequestTimeout.class)
                .warn("{}={}: not a number of milliseconds; using {}", PROPERTY, property, DEFAULT.toMillis());
        return DEFAULT;
    }
}
