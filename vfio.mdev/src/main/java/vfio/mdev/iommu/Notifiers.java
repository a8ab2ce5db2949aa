package vfio.mdev.iommu;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.VfioNotifier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Who is told of an unmapping: {@code vfio_iommu.notifier}. Vendors are called without a lock, and for a bounded time. */
final class Notifiers {
    private static final Logger LOG = LoggerFactory.getLogger(Notifiers.class);

    /** For one call of a vendor; a user waits for it, and a virtual machine gives up an unmapping after 5 s. */
    private static final long PATIENCE_SECONDS = 1;

    private static final class Registration {
        final Attachment owner;
        final VfioNotifier.DmaUnmap notifier;
        /** A call that did not come back in time: until it does the vendor is not called again, nor waited for. */
        volatile @Nullable Future<?> late;

        Registration(Attachment owner, VfioNotifier.DmaUnmap notifier) {
            this.owner = owner;
            this.notifier = notifier;
        }

        boolean is(Attachment otherOwner, VfioNotifier.DmaUnmap otherNotifier) {
            return owner == otherOwner && notifier.equals(otherNotifier);
        }
    }

    private final List<Registration> registered = new CopyOnWriteArrayList<>();
    private final ExecutorService threads;

    /** @param threads run the vendors' code; one that hangs keeps its thread */
    Notifiers(ExecutorService threads) {
        this.threads = threads;
    }

    void register(Attachment owner, VfioNotifier.DmaUnmap notifier) throws ErrnoException {
        synchronized (registered) {
            if (registered.stream().anyMatch(each -> each.is(owner, notifier))) {
                throw new ErrnoException(Errno.EEXIST, "the notifier is registered");
            }
            registered.add(new Registration(owner, notifier));
        }
    }

    void unregister(Attachment owner, VfioNotifier.DmaUnmap notifier) throws ErrnoException {
        if (!registered.removeIf(each -> each.is(owner, notifier))) {
            throw new ErrnoException(Errno.ENOENT, "the notifier is not registered");
        }
    }

    void unregisterAll(Attachment owner) {
        registered.removeIf(registration -> registration.owner == owner);
    }

    boolean isEmpty() {
        return registered.isEmpty();
    }

    /**
     * {@code blocking_notifier_call_chain()}.
     *
     * @return false when a vendor did not come back in time: telling it again is of no use
     */
    boolean dmaUnmap(DmaMapping mapping) {
        boolean back = true;
        for (Registration registration : registered) {
            back &= call(registration, mapping);
        }
        return back;
    }

    private boolean call(Registration registration, DmaMapping mapping) {
        Future<?> late = registration.late;
        if (late != null && !late.isDone()) {
            return false;
        }
        Future<?> call = threads.submit(() -> registration.notifier.dmaUnmap(mapping.first(), mapping.size()));
        boolean interrupted = false;
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(PATIENCE_SECONDS);
        try {
            while (true) {
                try {
                    call.get(deadline - System.nanoTime(), TimeUnit.NANOSECONDS);
                    return true;
                } catch (InterruptedException e) {
                    interrupted = true;
                }
            }
        } catch (ExecutionException e) {
            LOG.error("{} failed in DMA_UNMAP of {}", registration.owner, mapping, e.getCause());
            return true;
        } catch (TimeoutException e) {
            LOG.warn("{} hangs in DMA_UNMAP of {}", registration.owner, mapping);
            registration.late = call;
            return false;
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }
}
