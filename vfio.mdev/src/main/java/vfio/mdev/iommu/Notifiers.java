package vfio.mdev.iommu;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.VfioNotifier;
import mdev.sync.BoundedCalls;
import mdev.sync.Deadline;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The notifiers of an address space: {@code vfio_iommu.notifier}. Each notifier is called without a lock and with a
 * deadline.
 */
final class Notifiers {
    private static final Logger LOG = LoggerFactory.getLogger(Notifiers.class);

    /** Grace period for one vendor call. A user waits for it, and a virtual machine's unmapping times out after 5 s. */
    private static final Duration GRACE = Duration.ofSeconds(1);

    /** The maximum wait for an update of the vendor to end, before the grace period begins. */
    private static final Duration UPDATE = Duration.ofSeconds(4);

    /** A notifier whose calls wait while the vendor is being updated. */
    @FunctionalInterface
    interface Gated extends VfioNotifier.DmaUnmap {
        /** @param inside runs when the call has reached the vendor */
        void dmaUnmap(long iova, long size, Runnable inside);

        @Override
        default void dmaUnmap(long iova, long size) {
            dmaUnmap(iova, size, () -> {});
        }
    }

    /** {@code struct notifier_block}. */
    private static final class NotifierBlock {
        final Attachment owner;
        final VfioNotifier.DmaUnmap notifier;
        /** A call that has missed its deadline. Until it returns, the vendor is neither called nor waited for again. */
        volatile BoundedCalls.@Nullable Call late;

        NotifierBlock(Attachment owner, VfioNotifier.DmaUnmap notifier) {
            this.owner = owner;
            this.notifier = notifier;
        }

        boolean is(Attachment otherOwner, VfioNotifier.DmaUnmap otherNotifier) {
            return owner == otherOwner && notifier.equals(otherNotifier);
        }
    }

    private final List<NotifierBlock> registered = new CopyOnWriteArrayList<>();
    private final BoundedCalls calls;

    Notifiers(BoundedCalls calls) {
        this.calls = calls;
    }

    void register(Attachment owner, VfioNotifier.DmaUnmap notifier) throws ErrnoException {
        synchronized (registered) {
            if (registered.stream().anyMatch(each -> each.is(owner, notifier))) {
                throw new ErrnoException(Errno.EEXIST, "the notifier is registered");
            }
            registered.add(new NotifierBlock(owner, notifier));
        }
    }

    void unregister(Attachment owner, VfioNotifier.DmaUnmap notifier) throws ErrnoException {
        if (!registered.removeIf(each -> each.is(owner, notifier))) {
            throw new ErrnoException(Errno.ENOENT, "the notifier is not registered");
        }
    }

    void unregisterAll(Attachment owner) {
        registered.removeIf(block -> block.owner == owner);
    }

    boolean isEmpty() {
        return registered.isEmpty();
    }

    /**
     * {@code blocking_notifier_call_chain()}.
     *
     * @return false if a vendor has missed its deadline: notifying it again would be useless
     */
    boolean dmaUnmap(DmaMapping mapping) {
        boolean inTime = true;
        for (NotifierBlock block : registered) {
            inTime &= call(block, mapping);
        }
        return inTime;
    }

    private boolean call(NotifierBlock block, DmaMapping mapping) {
        BoundedCalls.Call late = block.late;
        if (late != null && !late.isDone()) {
            return false;
        }
        CountDownLatch inside = new CountDownLatch(1);
        BoundedCalls.Call call = calls.start(
                "DMA_UNMAP of " + mapping + " by " + block.owner, () -> notify(block.notifier, mapping, inside));
        if (!Deadline.in(GRACE).awaitUninterruptibly(inside) && call.hasBegun()) {
            var _ = Deadline.in(UPDATE).awaitUninterruptibly(inside);
        }
        if (call.awaitUninterruptibly(Deadline.in(GRACE))) {
            return true;
        }
        block.late = call;
        LOG.warn("{} did not return from DMA_UNMAP of {} in time", block.owner, mapping, call.stack());
        return false;
    }

    private static void notify(VfioNotifier.DmaUnmap notifier, DmaMapping mapping, CountDownLatch inside) {
        try {
            if (notifier instanceof Gated gated) {
                gated.dmaUnmap(mapping.first(), mapping.size(), inside::countDown);
            } else {
                inside.countDown();
                notifier.dmaUnmap(mapping.first(), mapping.size());
            }
        } finally {
            inside.countDown(); // the call was rejected
        }
    }
}
