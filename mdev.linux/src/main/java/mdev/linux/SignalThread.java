package mdev.linux;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.VarHandle;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Semaphore;
import java.util.concurrent.locks.LockSupport;
import mdev.sync.Deadline;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Signals the eventfds of one client by {@code write(2)}, on a separate thread: a client that keeps a blocking eventfd
 * full delays only its own interrupts. Signals that occur meanwhile are counted. The thread is started for the first
 * eventfd.
 */
final class SignalThread implements Signaller {
    private static final Logger LOG = LoggerFactory.getLogger(SignalThread.class);

    /** The layout of a request: the count of unwritten signals, the value being written, and the descriptor. */
    private static final long VALUE = 8;

    private static final long EVENTFD = 16;
    private static final long BYTES = 24;

    private static final VarHandle COUNT = JAVA_LONG.varHandle();
    private static final MethodHandle WRITE =
            Libc.function("write", FunctionDescriptor.of(JAVA_LONG, JAVA_INT, ADDRESS, JAVA_LONG));

    /** Grace period for the last signals of an eventfd, and then for a write that waits for the client. */
    private static final Duration GRACE = Duration.ofMillis(200);

    private static final Duration RETRY = Duration.ofNanos(20_000);

    private final String name;
    private final Semaphore left;
    private final List<MemorySegment> requests = new CopyOnWriteArrayList<>();
    private volatile @Nullable Thread thread;
    private volatile boolean ended;

    /** The request that the thread processes; set before its count is taken. */
    private volatile @Nullable MemorySegment current;

    /** Whether the client has blocked a write: no later close waits for its last signals. */
    private volatile boolean stuck;

    /** @param left permits for the remaining threads */
    SignalThread(String name, Semaphore left) {
        this.name = name;
        this.left = left;
    }

    @Override
    public MemorySegment request(SegmentAllocator allocator, int eventfd) throws LinuxException {
        start();
        MemorySegment request = allocator.allocate(BYTES, JAVA_LONG.byteAlignment());
        request.set(JAVA_INT, EVENTFD, eventfd);
        requests.add(request);
        return request;
    }

    private synchronized void start() throws LinuxException {
        if (thread != null) {
            return;
        }
        if (!left.tryAcquire()) {
            throw new LinuxException(
                    "eventfd", LinuxErrno.EAGAIN, "no thread to signal by: " + SignalThreads.MAX + " clients have one");
        }
        Thread made = Thread.ofPlatform()
                .daemon()
                .name(name)
                .inheritInheritableThreadLocals(false)
                .unstarted(this::run);
        try {
            made.start();
            thread = made;
        } catch (OutOfMemoryError e) { // "unable to create native thread"
            left.release();
            throw new LinuxException("eventfd", LinuxErrno.EAGAIN, "no thread to signal by can be started");
        }
    }

    @Override
    public void signal(MemorySegment request) {
        if ((long) COUNT.getAndAdd(request, 0L, 1L) == 0) {
            LockSupport.unpark(thread);
        }
    }

    private void run() {
        try {
            while (!ended) {
                boolean idle = true;
                for (MemorySegment request : requests) {
                    idle &= !write(request);
                }
                if (idle) {
                    LockSupport.park(this);
                }
            }
        } finally {
            left.release();
        }
    }

    /** @return whether there were signals to write */
    private boolean write(MemorySegment request) {
        current = request;
        try {
            long count = (long) COUNT.getAndSet(request, 0L, 0L);
            if (count == 0) {
                return false;
            }
            request.set(JAVA_LONG, VALUE, count);
            int eventfd = request.get(JAVA_INT, EVENTFD);
            MemorySegment value = request.asSlice(VALUE, JAVA_LONG.byteSize());
            Libc.call("write", state -> (long) WRITE.invokeExact(state, eventfd, value, JAVA_LONG.byteSize()));
        } catch (LinuxException e) { // EAGAIN: the client has not read the earlier signals either
            LOG.trace("{}", name, e);
        } catch (IllegalStateException e) { // the eventfd is closed
            requests.remove(request);
        } finally {
            current = null;
        }
        return true;
    }

    /**
     * Waits for the last signals, for a limited time. If a write then still waits, reads the counter to make room for
     * it.
     */
    @Override
    public void forget(MemorySegment request) {
        boolean written = !stuck && Deadline.in(GRACE).poll(RETRY, () -> isWritten(request));
        requests.remove(request);
        if (!written && request.equals(current)) {
            stuck = true;
            Deadline.in(GRACE).poll(RETRY, () -> {
                boolean waits = request.equals(current);
                if (waits) {
                    empty(request.get(JAVA_INT, EVENTFD));
                }
                return !waits;
            });
        }
    }

    private boolean isWritten(MemorySegment request) {
        return (long) COUNT.getVolatile(request, 0L) == 0 && !request.equals(current);
    }

    private void empty(int eventfd) {
        try (Arena arena = Arena.ofConfined()) {
            EventFd.take(eventfd, EventFd.vector(arena));
        } catch (LinuxException e) {
            LOG.debug("{}: its eventfd is not emptied", name, e);
        }
    }

    @Override
    public void end() {
        ended = true;
        LockSupport.unpark(thread);
    }
}
