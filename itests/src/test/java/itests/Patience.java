package itests;

import java.time.Duration;

/** How long a test waits for what has to come. */
public final class Patience {
    /** Only a failure takes as long: enough for guests that are emulated, on two processors that are ten times slower than ours and have other work. */
    public static final Duration TIME = Duration.ofMinutes(5);

    private Patience() {}
}
