package mdev.log;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.tinylog.Level;

/** The level of a class, for a configuration text. */
final class LevelsTest {
    @ParameterizedTest
    @CsvSource({
        "info mdev=debug vfio=debug, mdev.core.MdevCore, DEBUG",
        "info mdev=debug vfio=debug, mdevelop.Main, INFO",
        "info mdev=debug vfio=debug, Main, INFO",
        "info mdev=debug mdev.core=warn, mdev.core.MdevCore, WARN",
        "info mdev.core.MdevCore=trace, mdev.core.MdevCore, TRACE",
        "WARN, mdev.core.MdevCore, WARN",
        "mdev=off, mdev.core.MdevCore, OFF",
        "mdev=off, org.acme.Card, INFO",
        "'', org.acme.Card, INFO",
        "loud mdev=louder, org.acme.Card, INFO",
        "warn mdev=louder, mdev.core.MdevCore, WARN",
    })
    void longestPrefixDetermines(String text, String className, Level level) {
        assertEquals(level, Levels.parse(text).of(className));
    }

    @ParameterizedTest
    @CsvSource({"info mdev=debug a=error, DEBUG, ERROR", "warn, WARN, WARN", "info a=off b=trace, TRACE, OFF"})
    void lowestAndHighest(String text, Level lowest, Level highest) {
        Levels levels = Levels.parse(text);

        assertEquals(lowest, levels.lowest());
        assertEquals(highest, levels.highest());
    }
}
