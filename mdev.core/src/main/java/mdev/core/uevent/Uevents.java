package mdev.core.uevent;

import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import mdev.api.Registration;
import mdev.api.Uevent;
import mdev.api.UeventListener;
import mdev.core.sysfs.Tree;
import mdev.sync.Deadline;
import mdev.sync.FaultLog;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Numbers events and queues them ({@code kobject_uevent_env()}); one thread delivers them to the listeners in that
 * order. The queue is bounded, like the buffer of a netlink socket: events emitted while it is full are lost to all
 * listeners and leave a gap in the numbers.
 */
public final class Uevents implements AutoCloseable {
    private static final Logger log = LoggerFactory.getLogger(Uevents.class);

    /** The events of some 10,000 devices created at once; 30 MB if a listener hangs. */
    private static final int BACKLOG = 1 << 15;

    /**
     * Events come in bursts, and waking this thread costs the emitter more than the event itself: so during a burst it
     * wakes at most once in this period. An event shortly after another one is delayed by up to this period; an
     * isolated event is delivered immediately.
     */
    private static final long LINGER_NANOS = 500_000;

    private final Tree tree;
    private final int backlog;
    private final BlockingQueue<Uevent> queue;
    private final List<UeventListener> listeners = new CopyOnWriteArrayList<>();
    private final FaultLog faults = faultLog();
    private final Uevent end = new Uevent("end", "", new LinkedHashMap<>());
    private final CountDownLatch ended = new CountDownLatch(1);

    /** Guarded by {@link Tree#change()}. */
    private long seqnum;

    /**
     * The number of events lost since the queue was last half empty: one burst, which the log reports when it begins
     * and when it ends.
     */
    private final AtomicLong lost = new AtomicLong();

    public Uevents(Tree tree) {
        this(tree, BACKLOG);
    }

    Uevents(Tree tree, int backlog) {
        this.tree = tree;
        this.backlog = backlog;
        this.queue = new LinkedBlockingQueue<>(backlog);
        Thread.ofPlatform()
                .daemon()
                .name("mdev-uevents")
                .inheritInheritableThreadLocals(false)
                .start(this::drain);
    }

    /**
     * Queues an event, inside the change that it reports.
     *
     * @param more the keys of this event
     * @param environment the keys of its object
     */
    public void emit(
            String action,
            String devpath,
            String subsystem,
            Map<String, String> more,
            Map<String, String> environment) {
        SequencedMap<String, String> env = new LinkedHashMap<>();
        env.put("ACTION", action);
        env.put("DEVPATH", devpath);
        env.put("SUBSYSTEM", subsystem);
        env.putAll(more);
        env.putAll(environment);
        try (var _ = tree.change()) {
            env.put("SEQNUM", Long.toString(++seqnum));
            if (!queue.offer(new Uevent(action, devpath, env)) && lost.getAndIncrement() == 0) {
                long first = seqnum;
                tree.afterChange(() -> log.error(
                        "uevents are lost from SEQNUM {} on: {} events wait for a listener that has not returned",
                        first,
                        backlog));
            }
        }
    }

    /** Adds a listener; it receives all events delivered from now on until the registration is closed. */
    public Registration listen(UeventListener listener) {
        listeners.add(listener);
        return () -> listeners.remove(listener);
    }

    private void drain() {
        try {
            for (Uevent event = queue.take(); !event.equals(end); event = next()) {
                for (UeventListener listener : listeners) {
                    deliver(event, listener, faults);
                }
                if (lost.get() > 0 && queue.size() <= backlog / 2) {
                    log.warn("{} uevents were lost; the listener has returned", lost.getAndSet(0));
                }
            }
        } catch (InterruptedException e) {
            log.debug("the delivery of uevents was interrupted", e);
        } finally {
            ended.countDown();
        }
    }

    private Uevent next() throws InterruptedException {
        Uevent event = queue.poll();
        if (event == null) {
            LockSupport.parkNanos(LINGER_NANOS);
            event = queue.take();
        }
        return event;
    }

    /** The log for {@link #deliver}. */
    public static FaultLog faultLog() {
        return new FaultLog(log, "a listener for uevents");
    }

    /** Calls one listener; its exceptions are logged and ignored. */
    public static void deliver(Uevent event, UeventListener listener, FaultLog faults) {
        try {
            listener.uevent(event);
        } catch (Throwable e) {
            faults.report(listener.getClass().getName() + " on " + event.action() + "@" + event.devpath(), e);
        }
    }

    /** Delivers the queued events for a bounded time, then stops. */
    @Override
    public void close() {
        while (!queue.offer(end)) {
            queue.poll();
        }
        Deadline.in(Duration.ofSeconds(1)).awaitUninterruptibly(ended);
    }
}
