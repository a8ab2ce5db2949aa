package mdev.log;

import org.jspecify.annotations.Nullable;
import org.tinylog.Level;
import org.tinylog.core.TinylogLoggingProvider;
import org.tinylog.format.MessageFormatter;
import org.tinylog.runtime.RuntimeProvider;

/**
 * tinylog, whose levels are fixed when it starts, with levels that can change: those of the system property {@value
 * #PROPERTY}. A bundle sets it, and logging starts before the first bundle: so they share a property, not a class.
 * tinylog itself is configured to log everything.
 */
public final class LevelsLoggingProvider extends TinylogLoggingProvider {
    /** For example {@code info mdev=debug}. */
    public static final String PROPERTY = "mdev.log.levels";

    private static final String STANDARD = "info mdev=debug vfio=debug";

    private volatile Levels levels = Levels.parse(STANDARD);

    /** For tinylog, which finds it as a service by the name {@code levels}. */
    public LevelsLoggingProvider() {}

    private Levels levels() {
        String wanted = System.getProperty(PROPERTY, STANDARD);
        Levels known = levels;
        if (!known.text().equals(wanted)) {
            known = Levels.parse(wanted);
            levels = known;
        }
        return known;
    }

    /** @param depth of the class that logs in the stack of the caller */
    private boolean isLogged(int depth, Level level) {
        Levels now = levels();
        return level.compareTo(now.highest()) >= 0
                || (level.compareTo(now.lowest()) >= 0
                        && level.compareTo(now.of(RuntimeProvider.getCallerClassName(depth + 1))) >= 0);
    }

    private boolean isLogged(String loggerClass, Level level) {
        Levels now = levels();
        return level.compareTo(now.highest()) >= 0
                || (level.compareTo(now.lowest()) >= 0
                        && level.compareTo(now.of(RuntimeProvider.getCallerClassName(loggerClass))) >= 0);
    }

    @Override
    public boolean isEnabled(int depth, @Nullable String tag, Level level) {
        return isLogged(depth + 1, level) && super.isEnabled(depth + 1, tag, level);
    }

    @Override
    public boolean isEnabled(String loggerClass, @Nullable String tag, Level level) {
        return isLogged(loggerClass, level) && super.isEnabled(loggerClass, tag, level);
    }

    @Override
    public void log(
            int depth,
            @Nullable String tag,
            Level level,
            @Nullable Throwable exception,
            @Nullable MessageFormatter formatter,
            @Nullable Object message,
            @Nullable Object @Nullable ... arguments) {
        if (isLogged(depth + 1, level)) {
            super.log(depth + 1, tag, level, exception, formatter, message, arguments);
        }
    }

    @Override
    public void log(
            String loggerClass,
            @Nullable String tag,
            Level level,
            @Nullable Throwable exception,
            @Nullable MessageFormatter formatter,
            @Nullable Object message,
            @Nullable Object @Nullable ... arguments) {
        if (isLogged(loggerClass, level)) {
            super.log(loggerClass, tag, level, exception, formatter, message, arguments);
        }
    }
}
