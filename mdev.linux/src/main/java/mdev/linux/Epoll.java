package mdev.linux;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.time.Duration;
import mdev.sync.Deadline;

/**
 * {@code epoll(7)}: one thread waits for any number of descriptors. Level triggered, unless EPOLLET is asked for.
 *
 * <p>Owns the epoll descriptor, not those registered with it; a registered one that is closed leaves by itself, unless
 * it was duplicated. One thread awaits and then reads the results; any thread may add, modify and remove meanwhile,
 * wake it up, or close.
 */
public final class Epoll implements AutoCloseable {
    public static final int EPOLLIN = 0x1;
    public static final int EPOLLOUT = 0x4;
    public static final int EPOLLERR = 0x8;
    public static final int EPOLLHUP = 0x10;
    public static final int EPOLLRDHUP = 0x2000;
    public static final int EPOLLET = 1 << 31;

    private static final int EPOLL_CLOEXEC = 02000000;
    private static final int EPOLL_CTL_ADD = 1;
    private static final int EPOLL_CTL_DEL = 2;
    private static final int EPOLL_CTL_MOD = 3;

    /** The data of our own wake-up; nobody else's is negative. */
    private static final long WAKEUP = -1;

    private static final MethodHandle EPOLL_CREATE1 =
            Libc.function("epoll_create1", FunctionDescriptor.of(JAVA_INT, JAVA_INT));
    private static final MethodHandle EPOLL_CTL =
            Libc.function("epoll_ctl", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT, ADDRESS));
    private static final MethodHandle EPOLL_WAIT =
            Libc.function("epoll_wait", FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS, JAVA_INT, JAVA_INT));

    private final Fd fd;
    private final int number;
    private final int maxEvents;
    private final EventFd wakeup;
    private final CallArena arena = new CallArena();
    private final MemorySegment waitState = arena.allocate(Libc.STATE);

    /** What was found; lives on when the epoll is closed, for the thread that is reading it. */
    private final MemorySegment found;

    /** Guards {@link #controlState} and {@link #control}: the one registration that is being changed. */
    private final Object controlLock = new Object();

    private final MemorySegment controlState = arena.allocate(Libc.STATE);
    private final MemorySegment control = arena.allocate(EpollEvent.LAYOUT);

    private Epoll(Fd fd, EventFd wakeup, int maxEvents) {
        this.fd = fd;
        this.number = fd.number();
        this.wakeup = wakeup;
        this.maxEvents = maxEvents;
        this.found = Arena.ofAuto().allocate(EpollEvent.LAYOUT, maxEvents);
    }

    /**
     * A new instance.
     *
     * @param maxEvents the most that one {@link #await} finds, at least 1; the others are found by the next
     */
    public static Epoll create(int maxEvents) throws LinuxException {
        if (maxEvents < 1) {
            throw new IllegalArgumentException("maxEvents " + maxEvents);
        }
        try (Fd fd =
                Fd.of(Libc.call("epoll_create1", state -> (int) EPOLL_CREATE1.invokeExact(state, EPOLL_CLOEXEC)))) {
            EventFd wakeup = EventFd.create();
            Epoll epoll = new Epoll(fd.move(), wakeup, maxEvents);
            try {
                epoll.control(EPOLL_CTL_ADD, wakeup.fd(), EPOLLIN, WAKEUP);
            } catch (LinuxException e) {
                epoll.close();
                throw e;
            }
            return epoll;
        }
    }

    /**
     * Registers a descriptor.
     *
     * @param events what to wait for; EPOLLERR and EPOLLHUP always are
     * @param data what {@link #data} shall tell, not negative
     * @throws LinuxException EEXIST: it is registered; EPERM: a file that is always ready; EBADF: one of the two is
     *     closed
     */
    public void add(Fd fd, int events, long data) throws LinuxException {
        control(EPOLL_CTL_ADD, fd, events, requireData(data));
    }

    /** Changes a registration; as {@link #add}. ENOENT: it is not registered. */
    public void modify(Fd fd, int events, long data) throws LinuxException {
        control(EPOLL_CTL_MOD, fd, events, requireData(data));
    }

    /**
     * Ends a registration, before the descriptor is closed. The awaiting thread may have found it already.
     *
     * @throws LinuxException ENOENT: it is not registered; EBADF: one of the two is closed
     */
    public void remove(Fd fd) throws LinuxException {
        control(EPOLL_CTL_DEL, fd, 0, 0);
    }

    private static long requireData(long data) {
        if (data < 0) {
            throw new IllegalArgumentException("data " + data);
        }
        return data;
    }

    private void control(int operation, Fd registered, int events, long data) throws LinuxException {
        synchronized (controlLock) {
            try {
                EpollEvent.set(control, events, data);
                int result = (int) EPOLL_CTL.invokeExact(controlState, number, operation, registered.number(), control);
                if (result != 0) {
                    throw new LinuxException("epoll_ctl", Libc.errno(controlState));
                }
            } catch (LinuxException e) {
                throw e;
            } catch (Throwable t) {
                throw closedOr("epoll_ctl", t);
            }
        }
    }

    /**
     * Waits until something registered is ready.
     *
     * @param timeout the longest wait; zero or less only looks
     * @return how many were found, for {@link #data} and {@link #events}; 0 when the time ran out or {@link #wakeup}
     *     came
     * @throws LinuxException EBADF: closed, also during the wait
     */
    public int await(Duration timeout) throws LinuxException {
        Deadline deadline = Deadline.in(timeout);
        try {
            for (; ; ) {
                requireOpen(); // the wait before may have taken the wake-up of the close for another
                int n = (int) EPOLL_WAIT.invokeExact(waitState, number, found, maxEvents, deadline.remainingMillis());
                requireOpen();
                if (n > 0) {
                    return withoutWakeup(n);
                }
                if (n < 0 && Libc.errno(waitState) != LinuxErrno.EINTR) {
                    throw new LinuxException("epoll_wait", Libc.errno(waitState));
                }
                if (n == 0 && deadline.hasPassed()) {
                    return 0;
                }
            }
        } catch (LinuxException e) {
            throw e;
        } catch (Throwable t) {
            throw closedOr("epoll_wait", t);
        }
    }

    private void requireOpen() throws LinuxException {
        if (arena.isClosing()) {
            throw new LinuxException("epoll_wait", LinuxErrno.EBADF);
        }
    }

    /** Takes our own event out of what was found, moving the last one to its place. */
    private int withoutWakeup(int n) {
        for (int i = 0; i < n; i++) {
            if (data(i) == WAKEUP) {
                wakeup.read();
                EpollEvent.copy(found, n - 1, i);
                return n - 1;
            }
        }
        return n;
    }

    /** The data of the registration that was found as the i-th, from 0. By the thread that awaited. */
    public long data(int i) {
        return EpollEvent.data(found, i);
    }

    /** What is ready there. */
    public int events(int i) {
        return EpollEvent.events(found, i);
    }

    /** Lets the thread that awaits return, or the next that does. */
    public void wakeup() {
        wakeup.signal();
    }

    /** Ends a wait, and closes the descriptor when nobody is inside a call. Idempotent. */
    @Override
    public void close() {
        if (arena.beginClose()) {
            wakeup.signal();
            arena.close("epoll " + fd, () -> {
                fd.close();
                wakeup.close();
            });
        }
    }

    private LinuxException closedOr(String call, Throwable t) {
        if (t instanceof IllegalStateException && arena.isClosing()) {
            return new LinuxException(call, LinuxErrno.EBADF);
        }
        throw Libc.unexpected(t);
    }
}
