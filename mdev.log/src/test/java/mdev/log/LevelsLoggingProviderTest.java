package mdev.log;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.tinylog.Level;

/** The level of the calling class applies, and can change at any time. */
final class LevelsLoggingProviderTest {
    private final LevelsLoggingProvider provider = new LevelsLoggingProvider();

    @AfterEach
    void reset() {
        System.clearProperty(LevelsLoggingProvider.PROPERTY);
    }

    /** Queries the level of the calling class, as a logger does. */
    private boolean isEnabled(Level level) {
        return provider.isEnabled(2, null, level);
    }

    @Test
    void levelChangesAtRunTime() {
        assertTrue(isEnabled(Level.DEBUG));
        assertFalse(isEnabled(Level.TRACE));

        System.setProperty(LevelsLoggingProvider.PROPERTY, "trace mdev.log=info");
        assertTrue(isEnabled(Level.INFO));
        assertFalse(isEnabled(Level.DEBUG));

        System.setProperty(LevelsLoggingProvider.PROPERTY, "error mdev.log.LevelsLoggingProviderTest=trace");
        assertTrue(isEnabled(Level.TRACE));
    }
}
