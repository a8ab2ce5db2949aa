package vfio.mdev.iommu;

import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.DmaAccess;
import mdev.api.vfio.DmaAttachment;
import mdev.api.vfio.DmaRange;
import mdev.api.vfio.PinnedPage;
import mdev.api.vfio.VfioNotifier;
import mdev.sync.BoundedCalls;
import mdev.sync.Deadline;
import mdev.sync.FaultLog;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The DMA half of a device's context from its opening to its release: the address space by {@link DmaAttachment}, and
 * the name of the user. The vendor's notifiers are registered here and wrapped, so that no back-end has to know how
 * they are called and how they end.
 */
public final class DeviceDma implements DmaAccess {
    private static final Logger LOG = LoggerFactory.getLogger(DeviceDma.class);

    /** For a notifier's call that runs, when the notifier ends; as long as a user waits for one. */
    private static final Duration GRACE = Duration.ofSeconds(1);

    /** The door into the vendor that each call of a notifier goes through. */
    @FunctionalInterface
    public interface Calls {
        /**
         * @param name of the call, for those who wait for it
         * @throws ErrnoException the call was not made, or it threw
         */
        void run(String name, Runnable call) throws ErrnoException;
    }

    private final Calls calls;
    private final String vendor;
    private final DmaAttachment attachment;
    private final String client;
    private final Duration grace;
    private final FaultLog faults;

    /** Guards the fields below, and is not held in a call of vendor or back-end. */
    private final Object lock = new Object();

    private final Map<VfioNotifier, Registered> notifiers = new LinkedHashMap<>();
    /** No client is attached any more. */
    private boolean clientGone;
    /** No notifier is registered any more. */
    private boolean detached;

    /**
     * @param vendor names the device's driver in the log
     * @param attachment detached by {@link #detach}
     * @param client who uses the device
     */
    public DeviceDma(Calls calls, String vendor, DmaAttachment attachment, String client) {
        this(calls, vendor, attachment, client, GRACE);
    }

    DeviceDma(Calls calls, String vendor, DmaAttachment attachment, String client, Duration grace) {
        this.calls = calls;
        this.vendor = vendor;
        this.attachment = attachment;
        this.client = client;
        this.grace = grace;
        this.faults = new FaultLog(LOG, vendor);
    }

    /** Of a device that is opened for its driver to be asked something, by nobody who has memory. */
    public static DeviceDma none() {
        return new DeviceDma((_, call) -> call.run(), "", () -> {}, "");
    }

    /** A notifier of the vendor's, with the calls of it that run. */
    private abstract sealed class Registered {
        final NotifierCalls running = new NotifierCalls();

        /**
         * @throws ErrnoException it was not made, or it threw; not made either, and nothing is thrown, after the end
         */
        final void call(String name, Runnable notifier) throws ErrnoException {
            try {
                calls.run(name, () -> {
                    // Inside the door: a call that waits in front of it does not run yet.
                    if (running.enter()) {
                        try {
                            notifier.run();
                        } finally {
                            running.leave();
                        }
                    }
                });
            } catch (RuntimeException | Error e) {
                faults.report(name, e);
                throw new ErrnoException(Errno.EIO, "the device's driver failed in " + name);
            }
        }

        /** Of a call that nobody but the vendor could do anything about. */
        final void notify(String name, Runnable notifier) {
            try {
                call(name, notifier);
            } catch (ErrnoException e) {
                LOG.debug("{}: {} was not called, or failed", vendor, name, e);
            }
        }

        /** After the end: whether all calls have returned, but the one that this thread is in. */
        final boolean awaitCalls(Deadline deadline) {
            Thread hanging = running.await(deadline);
            if (hanging != null) {
                LOG.warn(
                        "{}: a call of a notifier does not return, and is not waited for any longer",
                        vendor,
                        BoundedCalls.stackOf(hanging));
            }
            return hanging == null;
        }
    }

    /** What the back-end has instead of the vendor's notifier. */
    private final class Unmap extends Registered implements VfioNotifier.DmaUnmap {
        private final VfioNotifier.DmaUnmap notifier;

        Unmap(VfioNotifier.DmaUnmap notifier) {
            this.notifier = notifier;
        }

        @Override
        public void dmaUnmap(long iova, long size) {
            notify("DMA_UNMAP of iova 0x%x+0x%x".formatted(iova, size), () -> notifier.dmaUnmap(iova, size));
        }
    }

    private final class User extends Registered {
        private final VfioNotifier.Client notifier;
        /** {@code attached} has returned. The monitor guards both fields. */
        private boolean attached;

        private boolean leaving;

        User(VfioNotifier.Client notifier) {
            this.notifier = notifier;
        }

        void attach() throws ErrnoException {
            boolean[] called = new boolean[1];
            call("attached to " + client, () -> {
                if (isLeaving()) {
                    return;
                }
                called[0] = true;
                notifier.attached(client);
                if (hasAttached()) {
                    // In the same call: a later one would not be let in when the release is over.
                    notifier.detached();
                }
            });
            if (!called[0]) {
                throw released();
            }
        }

        private synchronized boolean isLeaving() {
            return leaving;
        }

        /**
         * @return whether the user is leaving already: {@link #detach} waits for this call, and leaves {@code detached}
         *     to it
         */
        private synchronized boolean hasAttached() {
            attached = true;
            return leaving;
        }

        /** @return whether {@code attached} has returned */
        private synchronized boolean leave() {
            leaving = true;
            return attached;
        }

        void detach(Deadline deadline) {
            if (leave()) {
                notify("detached from " + client, notifier::detached);
            } else {
                awaitCalls(deadline);
            }
        }
    }

    /** Tells the vendor that its user is going; before the vendor's release. Called once. */
    public void clientGone() {
        List<User> users = new ArrayList<>();
        synchronized (lock) {
            clientGone = true;
            for (Registered each : notifiers.values()) {
                if (each instanceof User user) {
                    users.add(user);
                }
            }
        }
        Deadline deadline = Deadline.in(grace);
        users.forEach(user -> user.detach(deadline));
    }

    /** Ends all notifiers and takes back what the vendor still pins; after the vendor's release. */
    public void detach() {
        List<Registered> all;
        synchronized (lock) {
            detached = true;
            all = List.copyOf(notifiers.values());
            notifiers.clear();
        }
        Deadline deadline = Deadline.in(grace);
        all.forEach(each -> each.running.end());
        all.forEach(each -> each.awaitCalls(deadline));
        attachment.detach();
    }

    @Override
    public void registerNotifier(VfioNotifier notifier) throws ErrnoException {
        Registered made = switch (notifier) {
            case VfioNotifier.DmaUnmap unmap -> new Unmap(unmap);
            case VfioNotifier.Client user -> new User(user);
        };
        synchronized (lock) {
            if (detached || (clientGone && made instanceof User)) {
                throw released();
            }
            if (notifiers.putIfAbsent(notifier, made) != null) {
                throw new ErrnoException(Errno.EEXIST, "the notifier is registered");
            }
        }
        try {
            switch (made) {
                case Unmap unmap -> attachment.registerNotifier(unmap);
                case User user -> user.attach();
            }
        } catch (ErrnoException | RuntimeException | Error e) {
            forget(notifier, made);
            throw e;
        }
    }

    private static ErrnoException released() {
        return new ErrnoException(Errno.ENODEV, "the device is released");
    }

    private void forget(VfioNotifier notifier, Registered made) {
        synchronized (lock) {
            notifiers.remove(notifier, made);
        }
    }

    @Override
    public void unregisterNotifier(VfioNotifier notifier) throws ErrnoException {
        Registered registered;
        synchronized (lock) {
            if (detached) {
                throw released();
            }
            registered = notifiers.get(notifier);
        }
        if (registered instanceof Unmap unmap) {
            attachment.unregisterNotifier(unmap);
        } else if (registered == null && notifier instanceof VfioNotifier.DmaUnmap) {
            attachment.unregisterNotifier(notifier); // answers as the back-end does: it may know no notifiers at all
        }
        if (registered == null) {
            throw new ErrnoException(Errno.ENOENT, "the notifier is not registered");
        }
        forget(notifier, registered);
        registered.running.end();
        if (!registered.awaitCalls(Deadline.in(grace))) {
            throw new ErrnoException(Errno.ETIMEDOUT, "a call of the notifier does not return");
        }
    }

    @Override
    public List<PinnedPage> pinPages(long[] userPfn, int prot) throws ErrnoException {
        return attachment.pinPages(userPfn, prot);
    }

    @Override
    public int unpinPages(long[] userPfn) throws ErrnoException {
        return attachment.unpinPages(userPfn);
    }

    @Override
    public void dmaRead(long iova, MemorySegment data, long offset, long length) throws ErrnoException {
        attachment.dmaRead(iova, data, offset, length);
    }

    @Override
    public void dmaWrite(long iova, MemorySegment data, long offset, long length) throws ErrnoException {
        attachment.dmaWrite(iova, data, offset, length);
    }

    @Override
    public DmaRange mapRange(long iova, long length, int prot) throws ErrnoException {
        return attachment.mapRange(iova, length, prot);
    }
}
