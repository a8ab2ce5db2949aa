package mdev.log;

import org.jspecify.annotations.Nullable;
import org.tinylog.Level;
import org.tinylog.core.TinylogLoggingProvider;
import org.tinylog.format.MessageFormatter;
import org.tinylog.runtime.RuntimeProvider;

/**
 * Adds levels that can change at run time to tinylog, whose own are fixed at its start, to log everything. The levels
 * are in the system property {@value #PROPERTY}: a bundle sets it, but logging starts before the first bundle, so the
 * two cannot share a class.
 */
public final class LevelsLoggingProvider extends TinylogLoggingProvider {
    /** For example {@code info mdev=debug}. */
    public static final String PROPERTY = "mdev.log.levels";

    private static final String STANDARD = "info mdev=debug vfio=debug";

    private volatile Levels levels = Levels.parse(STANDARD);

    /** Called by tinylog, which finds this class as the service {@code levels}. */
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

    /** @param depth the depth of the logging class in the caller's stack */
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
