package itests;

import static org.junit.Assert.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.UUID;
import java.util.concurrent.locks.LockSupport;
import javax.inject.Inject;
import org.junit.Test;
import org.osgi.service.log.LogService;

/** What Felix's bundles report is in the platform's log. */
public class FrameworkLogIT extends PlatformTestSupport {
    /** Where surefire tells SLF4J's provider to write. */
    private static final Path LOG = Path.of(System.getProperty("org.slf4j.simpleLogger.logFile"));

    @Inject
    private LogService log;

    @Test
    public void entriesOfTheOsgiLogReachSlf4j() throws Exception {
        String message = UUID.randomUUID().toString();
        log.getLogger("any").error(message);

        Instant deadline = Instant.now().plus(Duration.ofSeconds(10));
        while (!Files.readString(LOG).contains(message) && Instant.now().isBefore(deadline)) {
            LockSupport.parkNanos(Duration.ofMillis(20).toNanos());
        }
        assertTrue(Files.readString(LOG).contains(message));
    }
}
