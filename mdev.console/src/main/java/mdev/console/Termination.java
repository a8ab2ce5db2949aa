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
 * Shuts the process down, normally or on SIGTERM, SIGINT, SIGHUP: stops the framework before the process ends, so that
 * everything the bundles created is removed. Neither Felix nor bnd's launcher does that.
 */
final class Termination extends Thread {
    private static final Duration STOPPING = Duration.ofSeconds(20);

    private final Framework framework;
    private final Ending ending;
    private final boolean service;
    private final List<Path> leftovers;

    /** The console has returned normally, and its status is the exit status. */
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
     * @param service whether SIGTERM is the normal way to end: the exit status is then 0 instead of Java's 143
     * @param leftovers the files of the launcher, which became this process; deleted once the framework has stopped
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
            // The process ends anyway.
        }
        leftovers.forEach(Termination::delete);
        if (service && signalled) {
            Runtime.getRuntime().halt(0);
        }
    }

    /** Uses JDK classes only: this bundle is already stopped. */
    private static void delete(Path root) {
        try (Stream<Path> files = Files.walk(root)) {
            for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
                Files.deleteIfExists(file);
            }
        } catch (IOException | UncheckedIOException e) {
            // The next start deletes it.
        }
    }

    /** The process is about to end without a signal. */
    void expect() {
        expected = true;
    }

    /** The console no longer controls the end of the process. */
    void forget() {
        try {
            Runtime.getRuntime().removeShutdownHook(this);
        } catch (IllegalStateException e) {
            // The process is ending, by this hook or another.
        }
    }
}
