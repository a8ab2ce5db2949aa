package vfio.mdev;

import java.util.LinkedHashSet;
import java.util.SequencedSet;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.VfioDeviceListener;
import mdev.sync.BoundedCalls;
import mdev.sync.Deadline;
import mdev.sync.FaultLog;
import mdev.sync.LimitedLog;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import vfio.mdev.usage.NotifierCalls;

/**
 * A registered device listener. It is foreign code: no lock is held while it is called, and no caller waits longer than
 * a deadline. A listener that has exceeded one is late: until it returns, no other thread calls it and no caller waits
 * for it; then the thread of the late call notifies it of all events since, in order for each device.
 */
final class Subscriber {
    private static final Logger LOG = LoggerFactory.getLogger(Subscriber.class);

    private final VfioDeviceListener listener;
    private final String name;
    private final FaultLog faults;
    private final LimitedLog lateness = new LimitedLog();
    private final NotifierCalls running = new NotifierCalls();

    /** The number of late calls. The monitor guards both fields. */
    private int late;

    /** The subscriptions with events to report once the listener has returned. */
    private final SequencedSet<Subscription> deferred = new LinkedHashSet<>();

    Subscriber(VfioDeviceListener listener) {
        this.listener = listener;
        this.name = "device listener " + listener.getClass().getName();
        this.faults = new FaultLog(LOG, name);
    }

    boolean is(VfioDeviceListener other) {
        return listener.equals(other);
    }

    boolean isEnded() {
        return running.isEnded();
    }

    /**
     * Calls the listener, on this thread; its failures are logged and ignored.
     *
     * @throws ErrnoException the listener cannot expose the device
     */
    void tell(Subscription.Event event, BoundDevice device) throws ErrnoException {
        if (!running.enter()) {
            return;
        }
        try {
            switch (event) {
                case ADDED -> listener.added(device.name, device.group.number(), device.vfio);
                case REMOVING -> listener.removing(device.name);
                case REMOVED -> listener.removed(device.name);
            }
        } catch (ErrnoException e) {
            LOG.warn("{} does not serve device {}: {}", name, device.name, e.toString());
            throw e;
        } catch (RuntimeException | Error e) {
            faults.report(event.of(device), e);
        } finally {
            running.leave();
        }
    }

    /** Whether the listener is late: the subscription is then notified when it has returned. */
    synchronized boolean defers(Subscription subscription) {
        if (late > 0) {
            deferred.add(subscription);
        }
        return late > 0;
    }

    /** Called when a call has exceeded its time; pairs with {@link #caughtUp}. */
    void late(String call, Thread hanging) {
        synchronized (this) {
            late++;
        }
        lateness.log(more -> LOG.warn(
                "{} has not returned from {} in time; no thread waits for it until it does{}",
                name,
                call,
                more,
                BoundedCalls.stackOf(hanging)));
    }

    /** Called when the late call has returned: reports the events since, on its thread. */
    void caughtUp() {
        for (Subscription next = next(); next != null; next = next()) {
            next.resume();
        }
    }

    private synchronized @Nullable Subscription next() {
        if (deferred.isEmpty()) {
            late--;
            return null;
        }
        return deferred.removeFirst();
    }

    /** Rejects further calls and waits for the running ones. */
    void end(Deadline deadline) {
        running.end();
        Thread hanging = running.await(deadline);
        if (hanging != null) {
            LOG.warn("{} is unregistered while a call of it has not returned", name, BoundedCalls.stackOf(hanging));
        }
    }
}
