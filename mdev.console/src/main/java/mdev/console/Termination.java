package mdev.console;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;
import org.osgi.framework.BundleException;
import org.osgi.framework.launch.Framework;

/**
 * The end of the process, regular or by SIGTERM, SIGINT, SIGHUP: the framework is stopped before the process ends, so
 * that whatever the bundles made is removed. Neither Felix nor bnd's launcher does that.
 */
final class Termination extends Thread {
    private static final Duration STOPPING = Duration.ofSeconds(20);

    private final Framework framework;
    private final Ending ending;
    private final boolean service;
    private final List<Path> leftovers;

    /** The console has left by itself, and its status counts. */
    private volatile boolean expected;

    private Termination(Framework framework, Ending ending, boolean service, List<Path> leftovers) {
        super("mdev-termination");
        this.leftovers = leftovers;
        this.framework = framework;
        this.ending = ending;
        this.service = service;
    }

    /**
     * Waits for the end. Pairs with {@link #forget}.
     *
     * @param service whether SIGTERM is the regular end: the exit status is 0 then, where Java's would be 143
     * @param leftovers deleted when the framework has stopped: what the launcher made, which has become this process
     */
    static Termination watch(Framework framework, Ending ending, boolean service, List<Path> leftovers) {
        Termination hook = new Termination(framework, ending, service, leftovers);
        Runtime.getRuntime().addShutdownHook(hook);
        return hook;
    }

    @Override
    public void run() {
        boolean signalled = !expected;
        ending.request(0);
        try {
            framework.stop();
            framework.waitForStop(STOPPING.toMillis());
        } catch (BundleException | InterruptedException e) {
            // The process ends all the same.
        }
        leftovers.forEach(Termination::delete);
        if (service && signalled) {
            Runtime.getRuntime().halt(0);
        }
    }

    /** With classes of the JDK only: our bundle is stopped. */
    private static void delete(Path root) {
        try (Stream<Path> files = Files.walk(root)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.deleteIfExists(file);
            }
        } catch (IOException | UncheckedIOException e) {
            // The next start deletes it.
        }
    }

    /** The process is going to end, and not by a signal. */
    void expect() {
        expected = true;
    }

    /** The process is not ours to end any more. */
    void forget() {
        try {
            Runtime.getRuntime().removeShutdownHook(this);
        } catch (IllegalStateException e) {
            // The process is ending, by this hook or another.
        }
    }
}
