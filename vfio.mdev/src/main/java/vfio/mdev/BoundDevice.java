package vfio.mdev;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import mdev.api.vfio.Vfio;
import mdev.sync.BoundedCalls;
import mdev.sync.Deadline;
import org.jspecify.annotations.Nullable;
import vfio.mdev.group.Group;

/** A device bound to the driver, and the listeners that are notified of it. */
final class BoundDevice {
    final String name;
    final Group group;
    final Vfio vfio;

    /** The monitor guards both: a listener is notified of the device once, and never after its removal has begun. */
    private final List<Subscription> subscriptions = new ArrayList<>(1);

    private boolean going;

    BoundDevice(String name, Group group, Vfio vfio) {
        this.name = name;
        this.group = group;
        this.vfio = vfio;
    }

    /** The subscription of a registered listener, made with the first call; null once its removal has begun. */
    synchronized @Nullable Subscription added(Subscriber subscriber) {
        for (Subscription made : subscriptions) {
            if (made.subscriber().equals(subscriber)) {
                return made;
            }
        }
        if (going || subscriber.isEnded()) {
            return null;
        }
        Subscription made = new Subscription(subscriber, this);
        subscriptions.add(made);
        return made;
    }

    /** Stops notifying the listener. */
    synchronized void forget(Subscriber subscriber) {
        subscriptions.removeIf(made -> made.subscriber().equals(subscriber));
    }

    /**
     * Removes the device, between the notifications of its removal. A hung listener delays the removal only for its
     * time limit.
     */
    void remove(BoundedCalls calls, Duration gracePeriod, Duration ask) {
        Duration time = gracePeriod.multipliedBy(3).dividedBy(4);
        Deadline end = Deadline.in(gracePeriod.multipliedBy(4).plus(Announcement.LEAST));
        AtomicBoolean begun = new AtomicBoolean();
        CountDownLatch over = new CountDownLatch(1);
        List<Subscription> told = advance();
        Runnable removal = () -> {
            if (!begun.compareAndSet(false, true)) {
                end.awaitUninterruptibly(over);
                return;
            }
            try {
                group.removeDevice(gracePeriod, ask);
            } finally {
                advance();
                over.countDown();
            }
        };
        // On one thread, because handing over to another one costs more than the whole removal.
        new Announcement("removal of device " + name, told, time).make(calls, end, removal);
        removal.run(); // unless the announcement has
    }

    /** Records the next event: the removal begins, or the device has been removed. */
    private synchronized List<Subscription> advance() {
        going = true;
        subscriptions.forEach(Subscription::advance);
        return List.copyOf(subscriptions);
    }
}
