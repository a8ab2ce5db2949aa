package mdev.core;

import java.time.Duration;
import mdev.sync.Deadline;

/**
 * The core's timeouts.
 *
 * @param total the time limit for all waits of one removal or unregistration
 * @param gracePeriod the part of it for a driver to release a device
 * @param update the time limit for a live update, and again for the return to the old version
 */
public record Limits(Duration total, Duration gracePeriod, Duration update) {
    /** Less than SCR's lock timeout of 5 s. */
    public static final int STANDARD_MILLIS = 4_000;

    /** Less than QEMU's request timeout of 5 s. */
    public static final int UPDATE_MILLIS = 3_000;

    public static final Limits STANDARD = within(Duration.ofMillis(STANDARD_MILLIS), Duration.ofMillis(UPDATE_MILLIS));

    /** Reserves half of the time of a removal for the driver. */
    public static Limits within(Duration total, Duration update) {
        return new Limits(total, total.dividedBy(2), update);
    }

    Deadline deadline() {
        return Deadline.in(total);
    }
}
