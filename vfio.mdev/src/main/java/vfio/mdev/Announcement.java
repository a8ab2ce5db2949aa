package vfio.mdev;

import java.time.Duration;
import java.util.Collection;
import mdev.sync.BoundedCalls;
import mdev.sync.Deadline;

/**
 * Notifies listeners of device events, one after the other on another thread: a hung listener occupies that thread,
 * and a further thread notifies the rest.
 *
 * @param name of the thread
 * @param time for each call of a listener
 */
record Announcement(String name, Collection<Subscription> told, Duration time) {
    /** The minimum time for a call: a pause of the machine may exceed a shorter time limit. */
    static final Duration LEAST = Duration.ofMillis(500);

    /** The time for a listener to be notified of a new device. */
    private static final Duration ADDED = Duration.ofSeconds(3);

    /** The time for all of them, and for all devices of a new listener: less than SCR's lock timeout of 5 s. */
    private static final Duration ALL = Duration.ofSeconds(4);

    /** The allowance for the start of the thread. */
    private static final Duration START = Duration.ofMillis(20);

    Announcement {
        time = time.compareTo(LEAST) < 0 ? LEAST : time;
    }

    /** Announces new devices. */
    static void added(String name, Collection<Subscription> told, BoundedCalls calls) {
        new Announcement(name, told, ADDED).make(calls, Deadline.in(ALL), () -> {});
    }

    /**
     * Returns once all listeners that return in time have been notified, at the deadline at the latest.
     *
     * @param then runs after the first notifications; the events that it causes are then announced, too. May run
     *     repeatedly
     */
    void make(BoundedCalls calls, Deadline deadline, Runnable then) {
        if (told.isEmpty()) {
            return;
        }
        BoundedCalls.Call call = start(calls, then);
        while (!call.awaitUninterruptibly(deadline.atMost(time.plus(START)))) {
            boolean late = false;
            for (Subscription each : told) {
                late |= each.isLate();
            }
            if (late) {
                call = start(calls, then);
            }
            if (deadline.hasPassed() || (!late && !call.hasBegun())) {
                return; // the call continues, or begins when a thread is free
            }
        }
    }

    private BoundedCalls.Call start(BoundedCalls calls, Runnable then) {
        return calls.start(name, () -> {
            told.forEach(each -> each.tell(time));
            then.run();
            told.forEach(each -> each.tell(time));
        });
    }
}
