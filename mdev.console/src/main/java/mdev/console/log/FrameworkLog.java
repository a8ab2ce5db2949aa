package mdev.console.log;

import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Deactivate;
import org.osgi.service.component.annotations.Reference;
import org.osgi.service.log.LogEntry;
import org.osgi.service.log.LogListener;
import org.osgi.service.log.LogReaderService;
import org.slf4j.LoggerFactory;
import org.slf4j.event.Level;

/**
 * Hands the entries of the OSGi log to the platform's log. The framework and Felix's bundles report there; without it they would print to
 * standard output, among the results of commands.
 */
@Component(service = {})
public final class FrameworkLog implements LogListener {
    private final LogReaderService log;

    @Activate
    public FrameworkLog(@Reference LogReaderService log) {
        this.log = log;
        log.addLogListener(this);
    }

    @Override
    public void logged(LogEntry entry) {
        LoggerFactory.getLogger(entry.getBundle().getSymbolicName())
                .atLevel(level(entry))
                .setCause(entry.getException())
                .log(entry.getMessage());
    }

    private static Level level(LogEntry entry) {
        return switch (entry.getLogLevel()) {
            case AUDIT, INFO -> Level.INFO;
            case ERROR -> Level.ERROR;
            case WARN -> Level.WARN;
            case DEBUG -> Level.DEBUG;
            case TRACE -> Level.TRACE;
        };
    }

    @Deactivate
    void deactivate() {
        log.removeLogListener(this);
    }
}
