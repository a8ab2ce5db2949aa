package vfio.mdev.iommu;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
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
        BoundedCalls.Call call = calls.start(
                "DMA_UNMAP of " + mapping + " by " + block.owner,
                () -> block.notifier.dmaUnmap(mapping.first(), mapping.size()));
        if (call.awaitUninterruptibly(Deadline.in(GRACE))) {
            return true;
        }
        block.late = call;
        LOG.warn("{} did not return from DMA_UNMAP of {} in time", block.owner, mapping, call.stack());
        return false;
    }
}
