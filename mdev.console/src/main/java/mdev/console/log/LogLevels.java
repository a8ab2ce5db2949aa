package mdev.console.log;

import static org.osgi.service.log.Logger.ROOT_LOGGER_NAME;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Modified;
import org.osgi.service.component.annotations.Reference;
import org.osgi.service.log.LogLevel;
import org.osgi.service.log.admin.LoggerAdmin;
import org.osgi.service.metatype.annotations.Designate;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Sets the levels of the log from its configuration: the levels of SLF4J through the system property {@value
 * #PROPERTY}, because {@code mdev.log.LevelsLoggingProvider} exists before any bundle; the levels of the OSGi log
 * through its service.
 */
@Component(
        service = {},
        immediate = true,
        configurationPid = LogConfig.PID)
@Designate(ocd = LogConfig.class)
public final class LogLevels {
    private static final Logger LOG = LoggerFactory.getLogger(LogLevels.class);
    private static final String PROPERTY = "mdev.log.levels";
    private static final String KEY = "levels";
    private static final String OSGI_KEY = "osgiLevels";
    private static final List<String> LEVELS = List.of("trace", "debug", "info", "warn", "error");

    private final LoggerAdmin osgi;

    @Activate
    public LogLevels(@Reference LoggerAdmin osgi) {
        this.osgi = osgi;
    }

    /** A word of a value. */
    private record Word(String prefix, String level) {
        static Word of(String text) {
            int sign = text.indexOf('=');
            return new Word(text.substring(0, Math.max(0, sign)), text.substring(sign + 1));
        }

        @Override
        public String toString() {
            return prefix.isEmpty() ? level : prefix + "=" + level;
        }
    }

    @Activate
    @Modified
    void configure(Map<String, Object> properties) {
        List<String> warnings = new ArrayList<>();
        properties.keySet().stream()
                .filter(name -> !name.contains(".") && !name.equals(KEY) && !name.equals(OSGI_KEY))
                .forEach(name -> warnings.add("unknown key '" + name + "' (keys: " + KEY + ", " + OSGI_KEY + ")"));
        System.setProperty(
                PROPERTY,
                words(KEY, properties, LogConfig.STANDARD, warnings).stream()
                        .map(Word::toString)
                        .collect(Collectors.joining(" ")));
        Map<String, LogLevel> loggers = new HashMap<>();
        for (Word word : words(OSGI_KEY, properties, LogConfig.OSGI_STANDARD, warnings)) {
            loggers.put(
                    word.prefix().isEmpty() ? ROOT_LOGGER_NAME : word.prefix(),
                    LogLevel.valueOf(word.level().toUpperCase(Locale.ROOT)));
        }
        osgi.getLoggerContext(null).setLogLevels(loggers);
        // Logged last: once the warnings appear, the levels are in effect.
        warnings.forEach(warning -> LOG.warn("{}: {}", LogConfig.PID, warning));
    }

    private static List<Word> words(
            String key, Map<String, Object> properties, String standard, List<String> warnings) {
        List<Word> words = new ArrayList<>();
        for (String text : List.of(
                String.valueOf(properties.getOrDefault(key, standard)).strip().split("\\s+", -1))) {
            Word word = Word.of(text);
            if (LEVELS.contains(word.level().toLowerCase(Locale.ROOT))) {
                words.add(word);
            } else {
                warnings.add("'%s' in %s is neither LEVEL nor PREFIX=LEVEL (levels: %s); ignored"
                        .formatted(text, key, String.join(", ", LEVELS)));
            }
        }
        return words;
    }
}
