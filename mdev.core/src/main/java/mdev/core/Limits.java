package mdev.core;

import java.time.Duration;
import mdev.sync.Deadline;

/**
 * The core's timeouts.
 *
 * @param total the time limit for all waits of one removal or unregistration
 * @param gracePeriod the part of it for a driver to release a device
 */
public record Limits(Duration total, Duration gracePeriod) {
    /** Less than SCR's lock timeout of 5 s. */
    public static final int STANDARD_MILLIS = 4_000;

    public static final Limits STANDARD = within(Duration.ofMillis(STANDARD_MILLIS));

    /** Reserves half of the time for the driver. */
    public static Limits within(Duration total) {
        return new Limits(total, total.dividedBy(2));
    }

    Deadline deadline() {
        return Deadline.in(total);
    }
}
