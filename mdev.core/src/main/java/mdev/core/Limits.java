package mdev.core;

import java.time.Duration;
import mdev.core.sync.Deadline;

/**
 * How long the core waits for others.
 *
 * @param total for everything that one removal or unregistration has to wait for; below SCR's lock time-out of 5 s
 * @param patience the part of it that a driver gets to make the user of a device leave
 */
public record Limits(Duration total, Duration patience) {
    public static final Limits STANDARD = new Limits(Duration.ofSeconds(4), Duration.ofSeconds(2));

    Deadline deadline() {
        return Deadline.in(total);
    }
}
