package vfio.mdev.iommu;

import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.DmaAccess;
import mdev.api.vfio.DmaAttachment;
import mdev.api.vfio.VfioNotifier;
import mdev.sync.BoundedCalls;
import mdev.sync.Deadline;
import mdev.sync.FaultLog;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import vfio.mdev.usage.NotifierCalls;

/**
 * The DMA part of a device's context, from open to release: the address space through {@link DmaAttachment}, and the
 * name of the user. Registers and wraps the vendor's notifiers, so that back-ends need not manage their calls or their
 * end.
 */
public final class DeviceDma {
    private static final Logger LOG = LoggerFactory.getLogger(DeviceDma.class);

    /** Grace period for running calls of a notifier that ends; equal to the time that a user waits for a call. */
    private static final Duration GRACE = Duration.ofSeconds(1);

    /** Runs every notifier call through the device's slot. */
    @FunctionalInterface
    public interface Calls {
        /**
         * @param name of the call, reported to threads that wait for it
         * @throws ErrnoException the call was rejected, or it threw
         */
        void run(String name, Runnable call) throws ErrnoException;
    }

    private final Calls calls;
    private final String vendor;
    private final DmaAttachment attachment;
    private final String client;
    private final Duration grace;
    private final FaultLog faults;

    /** Guards the fields below; not held during a call to a vendor or back-end. */
    private final Object lock = new Object();

    private final Map<VfioNotifier, Registered> notifiers = new LinkedHashMap<>();
    /** Set when the client has been detached. */
    private boolean clientGone;
    /** Set when all notifiers have been unregistered. */
    private boolean detached;

    /**
     * @param vendor names the device's driver in the log
     * @param attachment detached by {@link #detach}
     * @param client the name of the device's user
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

    /** For a device that is opened only to query its driver; its user has no memory. */
    public static DeviceDma none() {
        return new DeviceDma((_, call) -> call.run(), "", new NoMemory(), "");
    }

    /** A driver registers its notifiers as for any other user; there is nothing that they could be called for. */
    private static final class NoMemory implements DmaAttachment {
        @Override
        public void registerNotifier(VfioNotifier notifier) {}

        @Override
        public void unregisterNotifier(VfioNotifier notifier) {}

        @Override
        public void detach() {}
    }

    /** The memory, for all but notifiers. */
    public DmaAccess memory() {
        return attachment;
    }

    /** A vendor's notifier and its running calls. */
    private abstract sealed class Registered {
        final NotifierCalls running = new NotifierCalls();

        /**
         * @throws ErrnoException the call was rejected, or it threw; after the end, the call is skipped without an
         *     exception
         */
        final void call(String name, Runnable notifier) throws ErrnoException {
            try {
                calls.run(name, () -> {
                    // Checked inside the slot: a call that waits to enter it is not running yet.
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
                throw new ErrnoException(Errno.EIO, "the device driver failed in " + name);
            }
        }

        /** Calls a notifier and only logs its failure, which no caller could handle. */
        final void notify(String name, Runnable notifier) {
            try {
                call(name, notifier);
            } catch (ErrnoException e) {
                LOG.debug("{}: {} was rejected, or failed", vendor, name, e);
            }
        }

        /** After the end: waits until all calls except the current thread's have returned; false on timeout. */
        final boolean awaitCalls(Deadline deadline) {
            Thread hanging = running.await(deadline);
            if (hanging != null) {
                LOG.warn(
                        "{}: a notifier call did not return in time and is abandoned",
                        vendor,
                        BoundedCalls.stackOf(hanging));
            }
            return hanging == null;
        }
    }

    /** The wrapper that the back-end holds instead of the vendor's notifier. */
    private final class Unmap extends Registered implements Notifiers.Gated {
        private final VfioNotifier.DmaUnmap notifier;

        Unmap(VfioNotifier.DmaUnmap notifier) {
            this.notifier = notifier;
        }

        @Override
        public void dmaUnmap(long iova, long size, Runnable inside) {
            notify("DMA_UNMAP of iova 0x%x+0x%x".formatted(iova, size), () -> {
                inside.run();
                notifier.dmaUnmap(iova, size);
            });
        }
    }

    private final class User extends Registered {
        private final VfioNotifier.Client notifier;
        /** Set when {@code attached} has returned. The monitor guards both fields. */
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
                    // Made within the same call: a separate call would be rejected after the release.
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
         * @return whether the user is already being detached: {@link #detach} then waits for this call, which calls
         *     {@code detached} itself
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

    /** Notifies the vendor that its user is being detached; before the vendor's release. Called once. */
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

    /** Ends all notifiers and drops the vendor's remaining pins; after the vendor's release. */
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

    /** Ends the notifiers of a vendor's object that has been released, while the user stays attached. */
    public void endNotifiers() {
        List<Registered> all;
        synchronized (lock) {
            all = List.copyOf(notifiers.values());
            notifiers.clear();
        }
        Deadline deadline = Deadline.in(grace);
        for (Registered each : all) {
            if (each instanceof Unmap unmap) {
                try {
                    attachment.unregisterNotifier(unmap);
                } catch (ErrnoException e) {
                    LOG.warn("{}: a notifier cannot be unregistered: {}", vendor, e.toString());
                }
            }
            each.running.end();
        }
        all.forEach(each -> each.awaitCalls(deadline));
    }

    /** As {@link mdev.api.vfio.DmaAccess#registerNotifier}. */
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

    /** As {@link mdev.api.vfio.DmaAccess#unregisterNotifier}. */
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
            attachment.unregisterNotifier(notifier); // throws the back-end's errno: it may not support notifiers
        }
        if (registered == null) {
            throw new ErrnoException(Errno.ENOENT, "the notifier is not registered");
        }
        forget(notifier, registered);
        registered.running.end();
        if (!registered.awaitCalls(Deadline.in(grace))) {
            throw new ErrnoException(Errno.ETIMEDOUT, "a running call of the notifier has not returned");
        }
    }
}
