package mdev.log;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.tinylog.Level;

/** The class that logs is the one that calls, and its level can change at any time. */
final class LevelsLoggingProviderTest {
    private final LevelsLoggingProvider provider = new LevelsLoggingProvider();

    @AfterEach
    void reset() {
        System.clearProperty(LevelsLoggingProvider.PROPERTY);
    }

    /** As a logger asks for the class that uses it. */
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
