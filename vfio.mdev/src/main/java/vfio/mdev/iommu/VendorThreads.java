package vfio.mdev.iommu;

import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Deactivate;

/** Threads for vendors' notifiers: a user that unmaps does not wait for ever for a vendor that hangs. Platform threads, since a vendor may block in a system call. */
@Component(service = VendorThreads.class)
public final class VendorThreads {
    private final ExecutorService executor = Executors.newCachedThreadPool(
            Thread.ofPlatform().daemon().name("vfio-notifier-", 0).factory());

    @Activate
    public VendorThreads() {}

    ExecutorService executor() {
        return executor;
    }

    @Deactivate
    public void close() {
        executor.shutdown();
    }
}
