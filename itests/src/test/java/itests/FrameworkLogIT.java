package itests;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.UUID;
import javax.inject.Inject;
import org.junit.Test;
import org.osgi.service.log.LogService;

/** Reports of Felix's bundles appear in the platform's log. */
public class FrameworkLogIT extends PlatformTestSupport {
    /** The log file that surefire configures for SLF4J's provider. */
    private static final Path LOG = Path.of(System.getProperty("org.slf4j.simpleLogger.logFile"));

    @Inject
    private LogService log;

    @Test
    public void osgiLogEntriesReachSlf4j() throws Exception {
        String message = UUID.randomUUID().toString();
        log.getLogger("any").error(message);

        Wait.until("it is in the log", () -> Files.readString(LOG).contains(message));
    }
}
