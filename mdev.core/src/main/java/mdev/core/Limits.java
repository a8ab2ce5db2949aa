package mdev.core;

import java.time.Duration;
import mdev.sync.Deadline;

/**
 * How long the core waits for others.
 *
 * @param total for everything that one removal or unregistration has to wait for
 * @param gracePeriod the part of it that a driver gets to release a device
 */
public record Limits(Duration total, Duration gracePeriod) {
    /** Below SCR's lock time-out of 5 s. */
    public static final int STANDARD_MILLIS = 4_000;

    public static final Limits STANDARD = within(Duration.ofMillis(STANDARD_MILLIS));

    /** Half of the time is the driver's. */
    public static Limits within(Duration total) {
        return new Limits(total, total.dividedBy(2));
    }

    Deadline deadline() {
        return Deadline.in(total);
    }
}
