package mdev.console;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.stream.Stream;
import mdev.console.bundle.BundleLifeCycle;
import mdev.console.bundle.Ending;
import mdev.sync.BoundedCalls;
import mdev.sync.Deadline;
import org.osgi.framework.Bundle;
import org.osgi.framework.BundleException;
import org.osgi.framework.Constants;
import org.osgi.framework.FrameworkEvent;
import org.osgi.framework.launch.Framework;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Shuts the process down, normally or on SIGTERM, SIGINT, SIGHUP: stops the framework before the process ends, so that
 * everything the bundles created is removed. Neither Felix nor bnd's launcher does that. A bundle that does not stop
 * does not keep others from stopping; the exit status is then non-zero, as after a bundle calls {@code System.exit}.
 */
final class Termination extends Thread {
    private static final Logger LOG = LoggerFactory.getLogger(Termination.class);
    private static final Duration STOPPING = Duration.ofSeconds(15);
    /** The time for other bundles to stop after one did not. */
    private static final Duration REST = Duration.ofSeconds(5);

    private final Framework framework;
    private final BundleLifeCycle bundles;
    private final Ending ending;
    private final boolean service;
    private final List<Path> leftovers;

    /** The console has returned normally, and its status is the exit status. */
    private volatile boolean expected;

    private Termination(
            Framework framework, BundleLifeCycle bundles, Ending ending, boolean service, List<Path> leftovers) {
        super("mdev-termination");
        this.framework = framework;
        this.bundles = bundles;
        this.ending = ending;
        this.service = service;
        this.leftovers = leftovers;
    }

    /**
     * Waits for the end. Pairs with {@link #forget}.
     *
     * @param service whether SIGTERM is the normal way to end: the exit status is then 0 instead of Java's 143
     * @param leftovers the files of the launcher, which became this process; deleted once the framework has stopped
     */
    static Termination watch(
            Framework framework, BundleLifeCycle bundles, Ending ending, boolean service, List<Path> leftovers) {
        Termination hook = new Termination(framework, bundles, ending, service, leftovers);
        Runtime.getRuntime().addShutdownHook(hook);
        return hook;
    }

    @Override
    public void run() {
        boolean signalled = !expected;
        boolean failed = signalled && foreignExit();
        ending.request(0);
        failed |= bundles.hanging() > 0;
        try {
            framework.stop();
            failed |= framework.waitForStop(STOPPING.toMillis()).getType() == FrameworkEvent.WAIT_TIMEDOUT
                    && stopOthers();
        } catch (BundleException | InterruptedException e) {
            // The process ends anyway.
        }
        leftovers.forEach(Termination::delete);
        if (failed || (service && signalled)) {
            Runtime.getRuntime().halt(failed ? 1 : 0);
        }
    }

    /** Whether code in the process called {@code System.exit}: its thread waits for this one. */
    private static boolean foreignExit() {
        return report(
                "the platform ends because code in it called System.exit",
                frames -> has(frames, "java.lang.Shutdown") && !has(frames, "java.lang.Terminator"));
    }

    private static boolean has(StackTraceElement[] frames, String type) {
        return Arrays.stream(frames)
                .anyMatch(frame -> frame.getClassName().split("\\$")[0].equals(type));
    }

    /** Logs the bundles that do not stop, and stops all others; returns false if all have stopped. */
    private boolean stopOthers() {
        List<Bundle> left = Arrays.stream(framework.getBundleContext().getBundles())
                .filter(bundle -> bundle.getBundleId() != Constants.SYSTEM_BUNDLE_ID)
                .filter(bundle -> (bundle.getState() & (Bundle.STARTING | Bundle.ACTIVE | Bundle.STOPPING)) != 0)
                .toList();
        for (Bundle bundle : left) {
            if (bundle.getLocation().contains(":")) { // it did not come with the platform
                report(
                        bundle.getSymbolicName() + " does not stop",
                        frames -> Arrays.stream(frames)
                                .anyMatch(frame ->
                                        bundle.getEntry(frame.getClassName().replace('.', '/') + ".class") != null));
            }
        }
        BoundedCalls calls = new BoundedCalls("mdev-stop");
        Deadline.in(REST).awaitUninterruptibly(calls.each("stop", left, Function.identity(), bundle -> {
            try {
                bundle.stop(Bundle.STOP_TRANSIENT);
            } catch (BundleException e) {
                LOG.debug("{} does not stop", bundle, e);
            }
        }));
        return !left.isEmpty();
    }

    /** Logs the matching threads with their stacks; returns whether there are any. */
    private static boolean report(String line, Predicate<StackTraceElement[]> matches) {
        List<Thread> threads = Thread.getAllStackTraces().entrySet().stream()
                .filter(entry -> matches.test(entry.getValue()))
                .map(Map.Entry::getKey)
                .toList();
        threads.forEach(
                thread -> LOG.error("{}, in thread '{}'", line, thread.getName(), BoundedCalls.stackOf(thread)));
        return !threads.isEmpty();
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
