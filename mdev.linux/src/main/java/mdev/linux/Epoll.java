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
 * {@code epoll(7)}: one thread waits for any number of descriptors. Level-triggered unless EPOLLET is set.
 *
 * <p>Owns the epoll descriptor, not the registered ones. The kernel removes a registered descriptor when it is closed,
 * unless it was duplicated. One thread waits and then reads the results; meanwhile any thread may add, modify and
 * remove registrations, wake the waiting thread, or close the instance.
 */
public final class Epoll implements AutoCloseable {
    public static final int EPOLLIN = 0x1;
    public static final int EPOLLOUT = 0x4;
    public static final int EPOLLET = 1 << 31;

    private static final int EPOLL_CLOEXEC = 02000000;
    private static final int EPOLL_CTL_ADD = 1;
    private static final int EPOLL_CTL_DEL = 2;
    private static final int EPOLL_CTL_MOD = 3;

    /** The data of the internal wake-up event; all other data is non-negative. */
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

    /** The ready events. Outlives the close, for a thread that is still reading them. */
    private final MemorySegment found;

    /** Guards {@link #controlState} and {@link #control}: only one registration changes at a time. */
    private final Object controlLock = new Object();

    private final MemorySegment controlState = arena.allocate(Libc.STATE);
    private final MemorySegment control = EpollEvent.array(arena, 1);

    private Epoll(Fd fd, EventFd wakeup, int maxEvents) {
        this.fd = fd;
        this.number = fd.number();
        this.wakeup = wakeup;
        this.maxEvents = maxEvents;
        this.found = EpollEvent.array(Arena.ofAuto(), maxEvents);
    }

    /**
     * Creates an instance.
     *
     * @param maxEvents the maximum number of events per {@link #await}, at least 1; the next call returns the rest
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
     * @param events the events to wait for; EPOLLERR and EPOLLHUP are implied
     * @param data the value that {@link #data} returns, not negative
     * @throws LinuxException EEXIST: already registered; EPERM: the file does not support epoll (it is always ready);
     *     EBADF: this instance or the descriptor is closed
     */
    public void add(Fd fd, int events, long data) throws LinuxException {
        control(EPOLL_CTL_ADD, fd, events, requireData(data));
    }

    /** Changes a registration; as {@link #add}. ENOENT: not registered. */
    public void modify(Fd fd, int events, long data) throws LinuxException {
        control(EPOLL_CTL_MOD, fd, events, requireData(data));
    }

    /**
     * Removes a registration; call it before closing the descriptor. The waiting thread may already have received an
     * event for it.
     *
     * @throws LinuxException ENOENT: not registered; EBADF: this instance or the descriptor is closed
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
            } catch (Throwable t) {
                throw failed("epoll_ctl", t);
            }
        }
    }

    /**
     * Waits until a registered descriptor is ready.
     *
     * @param timeout the maximum wait; zero or less does not block
     * @return the number of events, to be read with {@link #data} and {@link #events}; 0 on timeout or {@link #wakeup}
     * @throws LinuxException EBADF: closed, also during the wait
     */
    public int await(Duration timeout) throws LinuxException {
        Deadline deadline = Deadline.in(timeout);
        try {
            for (; ; ) {
                requireOpen(); // the previous wait may have consumed the wake-up of the close
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
        } catch (Throwable t) {
            throw failed("epoll_wait", t);
        }
    }

    private void requireOpen() throws LinuxException {
        if (arena.isClosing()) {
            throw new LinuxException("epoll_wait", LinuxErrno.EBADF);
        }
    }

    /** Removes the internal wake-up event from the results; the last event takes its place. */
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

    /** The data of the i-th event, from 0. Called by the thread that waited. */
    public long data(int i) {
        return EpollEvent.data(found, i);
    }

    /** The event mask of the i-th event. */
    public int events(int i) {
        return EpollEvent.events(found, i);
    }

    /** Makes the current or, if there is none, the next {@link #await} return. */
    public void wakeup() {
        wakeup.signal();
    }

    /** Ends a pending wait and closes the descriptor once no call is running. Idempotent. */
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

    private RuntimeException failed(String call, Throwable t) throws LinuxException {
        if (arena.isLate(t)) {
            throw new LinuxException(call, LinuxErrno.EBADF);
        }
        return Libc.failed(t);
    }
}
