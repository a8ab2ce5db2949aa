package mdev.console;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.osgi.framework.BundleContext;
import org.osgi.util.tracker.ServiceTracker;

/** Waits for what the platform cannot do without. */
final class Readiness {
    private final BundleContext context;

    Readiness(BundleContext context) {
        this.context = context;
    }

    /**
     * Waits until all of the services are there and have been activated.
     *
     * @return the names of those that were not in time
     */
    List<String> await(List<Class<?>> services, Duration timeout) throws InterruptedException {
        long deadline = System.nanoTime() + timeout.toNanos();
        List<String> missing = new ArrayList<>();
        for (Class<?> service : services) {
            ServiceTracker<?, ?> tracker = new ServiceTracker<>(context, service, null);
            tracker.open();
            try {
                long left = Math.max(
                        1, Duration.ofNanos(deadline - System.nanoTime()).toMillis());
                if (tracker.waitForService(left) == null) {
                    missing.add(service.getName());
                }
            } finally {
                tracker.close();
            }
        }
        return missing;
    }
}
