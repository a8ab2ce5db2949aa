package vfio.mdev.iommu;

import java.util.concurrent.ExecutorService;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;

/**
 * Threads for vendors' notifiers: a user that unmaps does not wait for ever for a vendor that hangs. Platform threads, since a vendor may block in a system call.
 * They end by themselves when they are idle, and are not shut down: containers that are released last still need them.
 */
@Component(service = VendorThreads.class)
public final class VendorThreads {
    private static final long IDLE_SECONDS = 2;

    private final ExecutorService executor = new ThreadPoolExecutor(
            0,
            Integer.MAX_VALUE,
            IDLE_SECONDS,
            TimeUnit.SECONDS,
            new SynchronousQueue<>(),
            Thread.ofPlatform().daemon().name("vfio-notifier-", 0).factory());

    @Activate
    public VendorThreads() {}

    ExecutorService executor() {
        return executor;
    }
}
