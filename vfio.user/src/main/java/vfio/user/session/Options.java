package vfio.user;

import java.time.Duration;
import org.jspecify.annotations.Nullable;
import org.slf4j.LoggerFactory;

/**
 * How devices are served.
 *
 * @param spins how often a connection looks for the next message before it blocks: more costs processor time, fewer cost latency
 * @param takeOver how long a new client waits for the one before it to be gone, which may just have ended
 * @param leave how long the removal of a device waits for its connection to end
 * @param answer how long a client may take to answer a DMA_READ or DMA_WRITE, or to take what it is sent
 */
public record Options(int spins, Duration takeOver, Duration leave, Duration answer) {
    public static final Options STANDARD =
            new Options(100, Duration.ofSeconds(2), Duration.ofSeconds(1), Duration.ofSeconds(2));

    /** The framework property that sets {@link #spins}. */
    static final String SPINS = "vfio.user.spins";

    public Options {
        if (spins < 0) {
            throw new IllegalArgumentException("spins " + spins);
        }
    }

    static Options of(@Nullable String spins) {
        if (spins == null) {
            return STANDARD;
        }
        try {
            return new Options(Integer.parseInt(spins.strip()), STANDARD.takeOver, STANDARD.leave, STANDARD.answer);
        } catch (IllegalArgumentException e) {
            LoggerFactory.getLogger(Options.class)
                    .warn("{}={}: not a number from 0; using {}", SPINS, spins, STANDARD.spins);
            return STANDARD;
        }
    }
}
