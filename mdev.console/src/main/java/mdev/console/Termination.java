package mdev.console;

import java.time.Duration;
import org.osgi.framework.BundleException;
import org.osgi.framework.launch.Framework;

/**
 * SIGTERM, SIGINT, SIGHUP: the framework is stopped before the process ends, so that whatever the bundles made is removed. Neither Felix nor bnd's launcher does that.
 */
final class Termination extends Thread {
    private static final Duration STOPPING = Duration.ofSeconds(20);

    private final Framework framework;
    private final Ending ending;
    private final boolean service;

    private Termination(Framework framework, Ending ending, boolean service) {
        super("mdev-termination");
        this.framework = framework;
        this.ending = ending;
        this.service = service;
    }

    /**
     * Waits for the signal. Pairs with {@link #forget}.
     *
     * @param service whether SIGTERM is the regular end: the exit status is 0 then, where Java's would be 143
     */
    static Termination watch(Framework framework, Ending ending, boolean service) {
        Termination hook = new Termination(framework, ending, service);
        Runtime.getRuntime().addShutdownHook(hook);
        return hook;
    }

    @Override
    public void run() {
        ending.request(0);
        try {
            framework.stop();
            framework.waitForStop(STOPPING.toMillis());
        } catch (BundleException | InterruptedException e) {
            // The process ends all the same.
        }
        if (service) {
            Runtime.getRuntime().halt(0);
        }
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
