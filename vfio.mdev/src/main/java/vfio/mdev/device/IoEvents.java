package vfio.mdev.device;

import static java.nio.ByteOrder.LITTLE_ENDIAN;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import mdev.api.Slot;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.vfio.IoEvent;
import mdev.api.vfio.IoEventFd;
import mdev.linux.Epoll;
import mdev.linux.EventFd;
import mdev.linux.Fd;
import mdev.linux.LinuxException;
import mdev.sync.BoundedCalls;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The eventfds of an open device, created on its user's first request and closed with the session. One thread per
 * device turns signals into writes, inside the device's slot: a user that signals without pause, and a vendor that
 * blocks, keep only this device's thread busy. The counter of an eventfd is the only state of a signal, so a signal is
 * taken once, by the write or by a reset. Thread-safe.
 */
final class IoEvents implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(IoEvents.class);

    /** The maximum number of eventfds per device; further writes have none. */
    private static final int MOST = 64;

    private static final Duration FOREVER = Duration.ofDays(36_500);

    /** The pause of a thread whose device stays frozen beyond the deadline of its update, or is stopped. */
    private static final long FROZEN_NANOS = 10_000_000;

    private static final ValueLayout.OfLong VALUE = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(LITTLE_ENDIAN);

    private final String device;
    private final Slot slot;
    private final BoundedCalls calls;
    private final BooleanSupplier stopped;

    /** The monitor guards the next two, so that nothing is created after the close. */
    private final Map<Integer, List<Bell>> regions = new HashMap<>();

    private @Nullable Epoll epoll;

    /** All eventfds; the index of each is its data in {@link #epoll}. */
    private final List<Bell> bells = new CopyOnWriteArrayList<>();

    private volatile boolean closed;

    private record Bell(int region, IoEvent event, EventFd fd) {}

    /**
     * @param calls runs the thread
     * @param stopped whether the device is stopped, which changes only while nobody is inside the slot: signals wait
     */
    IoEvents(String device, Slot slot, BoundedCalls calls, BooleanSupplier stopped) {
        this.device = device;
        this.slot = slot;
        this.calls = calls;
        this.stopped = stopped;
    }

    /** Errors as for {@code VfioDevice.regionIoFds}. */
    synchronized List<IoEventFd> fds(int region, List<IoEvent> events, int most) throws ErrnoException {
        if (closed) {
            throw new ErrnoException(Errno.ENODEV, "the device is released");
        }
        List<IoEventFd> fds = new ArrayList<>();
        try {
            List<Bell> made = regions.get(region);
            if (made == null) {
                made = make(region, events);
                regions.put(region, made);
            }
            for (Bell bell : made.subList(0, Math.clamp(most, 0, made.size()))) {
                fds.add(new IoEventFd(bell.event, bell.fd.fd().dup().release()));
            }
            return fds;
        } catch (LinuxException e) {
            fds.forEach(one -> Fd.adopt(one.fd()).close());
            LOG.warn("device {}: no eventfds for region {}: {}", device, region, e.toString());
            throw new ErrnoException(Errno.of(e.errno()), e.toString());
        }
    }

    private List<Bell> make(int region, List<IoEvent> events) throws LinuxException, ErrnoException {
        List<Bell> made = new ArrayList<>();
        try {
            for (IoEvent event : events.subList(0, Math.min(events.size(), MOST - bells.size()))) {
                Bell bell = new Bell(region, event, EventFd.create()); // closed in close(), or below
                made.add(bell);
                boolean _ = bell.fd.take(); // fails already here on a kernel that lacks it
            }
            Epoll waits = made.isEmpty() ? null : started();
            for (Bell bell : made) {
                bells.add(bell);
                if (waits != null) {
                    waits.add(bell.fd.fd(), Epoll.EPOLLIN, bells.size() - 1);
                }
            }
            return made;
        } catch (LinuxException | ErrnoException e) {
            // Closed entries stay in the list, without a user, to keep the indices.
            made.forEach(bell -> bell.fd.close());
            throw e;
        }
    }

    private Epoll started() throws LinuxException, ErrnoException {
        if (epoll == null) {
            Epoll fresh = Epoll.create(MOST);
            if (calls.tryStart("vfio-ioeventfd-" + device, () -> run(fresh)) == null) {
                fresh.close();
                throw new ErrnoException(Errno.EAGAIN, "no thread can be started for the eventfds");
            }
            epoll = fresh; // closed in close()
        }
        return epoll;
    }

    private void run(Epoll waits) {
        MemorySegment value = MemorySegment.ofArray(new byte[Long.BYTES]);
        try {
            while (!closed) {
                int ready = waits.await(FOREVER);
                for (int i = 0; i < ready; i++) {
                    write(bells.get((int) waits.data(i)), value);
                }
            }
        } catch (LinuxException e) {
            if (!closed) {
                LOG.error("device {}: its eventfds are no longer served", device, e);
            }
        }
    }

    private void write(Bell bell, MemorySegment value) throws LinuxException {
        try {
            slot.enter();
        } catch (ErrnoException e) {
            LockSupport.parkNanos(FROZEN_NANOS); // the signal remains pending
            return;
        }
        boolean waits;
        try {
            waits = stopped.getAsBoolean();
            if (!waits) {
                writeSignalled(bell, value);
            }
        } finally {
            slot.leave();
        }
        if (waits) {
            LockSupport.parkNanos(FROZEN_NANOS); // the signal is still there
        }
    }

    /** Checked and taken inside the slot, so that no write follows a release or a reset. */
    private void writeSignalled(Bell bell, MemorySegment value) throws LinuxException {
        try {
            if (!closed && bell.fd.take()) {
                value.set(VALUE, 0, bell.event.datamatch().orElse(0));
                slot.ops().write(bell.region, bell.event.offset(), value, 0, bell.event.size());
            }
        } catch (LinuxException e) {
            throw e;
        } catch (Throwable t) {
            var _ = slot.failed("a write by an eventfd", t);
        }
    }

    /** Makes the writes of all signals so far; called inside the slot, before the vendor's stop. */
    void flush() {
        MemorySegment value = MemorySegment.ofArray(new byte[Long.BYTES]);
        for (Bell bell : bells) {
            try {
                writeSignalled(bell, value);
            } catch (LinuxException e) {
                LOG.error("device {}: an eventfd cannot be read", device, e);
            }
        }
    }

    /** Discards signals that have not become writes; called inside the slot, before the vendor's reset. */
    void discard() {
        for (Bell bell : bells) {
            try {
                boolean _ = bell.fd.take();
            } catch (LinuxException e) {
                LOG.error("device {}: an eventfd cannot be reset", device, e);
            }
        }
    }

    /** Ends the thread, unless it is inside the vendor; no further write begins. Called before the slot is vacated. */
    @Override
    public synchronized void close() {
        closed = true;
        if (epoll != null) {
            epoll.close();
        }
        bells.forEach(bell -> bell.fd.close());
    }
}
