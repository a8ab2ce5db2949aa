package mdev.console.log;

import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Deactivate;
import org.osgi.service.component.annotations.Reference;
import org.osgi.service.log.LogEntry;
import org.osgi.service.log.LogLevel;
import org.osgi.service.log.LogListener;
import org.osgi.service.log.LogReaderService;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.event.Level;

/**
 * Forwards the entries of the OSGi log to the platform's log, within the levels that {@link LogLevels} sets. The
 * framework and Felix's bundles report there; without a listener they would print to standard output, mixed with the
 * results of commands.
 */
@Component(service = {})
public final class FrameworkLog implements LogListener {
    private static final Logger LOG = LoggerFactory.getLogger(FrameworkLog.class);

    /** Prefix of the loggers of framework events. */
    private static final String EVENTS = "Events.";

    private final LogReaderService log;

    @Activate
    public FrameworkLog(@Reference LogReaderService log) {
        this.log = log;
    }

    @Activate
    void activate() {
        log.addLogListener(this); // removed in deactivate()
    }

    @Override
    public void logged(LogEntry entry) {
        // Bundle and service events are log entries, too.
        if (entry.getLoggerName().startsWith(EVENTS) && !LogLevel.WARN.implies(entry.getLogLevel())) {
            return;
        }
        // The entry has passed the level of its logger; this class may have a higher one.
        Level level = switch (entry.getLogLevel()) {
            case AUDIT, ERROR -> Level.ERROR;
            case WARN -> Level.WARN;
            case INFO, DEBUG, TRACE -> Level.INFO;
        };
        Throwable thrown = entry.getException();
        LOG.atLevel(level)
                .setCause(thrown)
                .log(
                        "{}: {}{}",
                        entry.getBundle().getSymbolicName(),
                        entry.getMessage(),
                        // Standard error shows messages only.
                        thrown == null ? "" : ": " + LastCause.of(thrown));
    }

    @Deactivate
    void deactivate() {
        log.removeLogListener(this);
    }
}
