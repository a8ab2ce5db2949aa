package vfio.mdev;

import java.time.Duration;
import java.util.List;
import java.util.Locale;
import mdev.api.errno.ErrnoException;
import mdev.sync.Deadline;
import org.jspecify.annotations.Nullable;

/** The events of one device for one listener: reported in order, by one thread at a time. */
final class Subscription {
    /** Each happens at most once, in this order. */
    enum Event {
        ADDED,
        REMOVING,
        REMOVED;

        private static final List<Event> ALL = List.of(values());

        String of(BoundDevice device) {
            return name().toLowerCase(Locale.ROOT) + " of device " + device.name;
        }
    }

    private final Subscriber subscriber;
    private final BoundDevice device;

    /** The number of events so far. The monitor guards this and the fields below; it is not held during a call. */
    private int happened = 1;

    /** The number of events that were reported to the listener, or never will be. */
    private int told;

    private @Nullable Thread teller;
    private Duration time = Duration.ZERO;
    private Deadline due = Deadline.in(time);
    private boolean late;

    /** Why the listener cannot expose the device; its removal is then not reported. */
    private @Nullable ErrnoException refusal;

    /** The first event is that the device has been added. */
    Subscription(Subscriber subscriber, BoundDevice device) {
        this.subscriber = subscriber;
        this.device = device;
    }

    Subscriber subscriber() {
        return subscriber;
    }

    synchronized @Nullable ErrnoException refusal() {
        return refusal;
    }

    /** Adds the next event. */
    synchronized void advance() {
        happened++;
        if (told == 0) {
            told = Event.ALL.size(); // a listener that was not notified of the device is not notified of its removal
        }
    }

    /**
     * Reports the outstanding events to the listener, on this thread; waits while another thread does.
     *
     * @param limit the time for each call of the listener; a caller then checks {@link #isLate}
     */
    void tell(Duration limit) {
        if (begin(limit)) {
            drain();
        }
    }

    private synchronized boolean begin(Duration limit) {
        while (teller != null && !late) {
            if (!due.waitOn(this)) {
                return false;
            }
        }
        if (teller != null || told >= happened) {
            return false;
        }
        time = limit;
        if (subscriber.defers(this)) {
            return false;
        }
        teller = Thread.currentThread();
        return true;
    }

    /** Reports deferred events, unless another thread does. */
    void resume() {
        synchronized (this) {
            if (teller != null) {
                return;
            }
            teller = Thread.currentThread();
        }
        drain();
    }

    private void drain() {
        boolean wasLate = false;
        while (true) {
            Event event;
            synchronized (this) {
                if (told >= happened) {
                    wasLate = late;
                    late = false;
                    teller = null;
                    notifyAll();
                    break;
                }
                event = Event.ALL.get(told++);
                due = Deadline.in(time);
            }
            try {
                subscriber.tell(event, device);
            } catch (ErrnoException e) {
                synchronized (this) {
                    refusal = e;
                    told = Event.ALL.size();
                }
            }
        }
        if (wasLate) {
            subscriber.caughtUp();
        }
    }

    /** Called by a waiting thread: whether this call is the first to find that the listener has exceeded its time. */
    boolean isLate() {
        Thread hanging;
        Event event;
        synchronized (this) {
            hanging = teller;
            if (hanging == null || told == 0 || late || !due.hasPassed()) {
                return false;
            }
            event = Event.ALL.get(told - 1);
            late = true;
            notifyAll();
        }
        subscriber.late(event.of(device), hanging);
        return true;
    }
}
