package mdev.log;

import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;
import org.tinylog.Level;

/**
 * The log levels of all classes.
 *
 * @param text the text that was parsed
 * @param standard the level of classes without a prefix
 * @param byPrefix the levels by package or class name
 * @param lowest messages of any class below it are not logged
 * @param highest messages of any class at or above it are logged
 */
record Levels(String text, Level standard, Map<String, Level> byPrefix, Level lowest, Level highest) {
    /** @param text for example {@code info mdev=debug}; an unknown level is ignored */
    static Levels parse(String text) {
        Level standard = Level.INFO;
        Map<String, Level> byPrefix = new HashMap<>();
        for (String word : text.strip().split("\\s+", -1)) {
            int sign = word.indexOf('=');
            Level level = level(word.substring(sign + 1), standard);
            if (sign > 0) {
                byPrefix.put(word.substring(0, sign), level);
            } else {
                standard = level;
            }
        }
        Collection<Level> all =
                Stream.concat(Stream.of(standard), byPrefix.values().stream()).toList();
        return new Levels(text, standard, Map.copyOf(byPrefix), Collections.min(all), Collections.max(all));
    }

    private static Level level(String name, Level otherwise) {
        return Stream.of(Level.values())
                .filter(level -> level.name().equals(name.toUpperCase(Locale.ROOT)))
                .findFirst()
                .orElse(otherwise);
    }

    /** The level of a class: the level of the longest prefix of its name. */
    Level of(String className) {
        String prefix = className;
        while (true) {
            Level level = byPrefix.get(prefix);
            if (level != null) {
                return level;
            }
            int dot = prefix.lastIndexOf('.');
            if (dot < 0) {
                return standard;
            }
            prefix = prefix.substring(0, dot);
        }
    }
}
