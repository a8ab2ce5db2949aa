package itests;

import java.time.Duration;

/** The timeout of a test for a required event. */
public final class Patience {
    /**
     * Only a failure takes this long: it suffices for emulated guests on two busy processors that are ten times slower
     * than ours.
     */
    public static final Duration TIME = Duration.ofMinutes(5);

    private Patience() {}
}
