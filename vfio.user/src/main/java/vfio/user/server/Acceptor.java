package vfio.user.server;

import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import mdev.api.errno.Errno;
import mdev.linux.Epoll;
import mdev.linux.Fd;
import mdev.linux.LinuxException;
import mdev.linux.UnixServerSocket;
import mdev.linux.UnixSocket;
import mdev.sync.BoundedCalls;
import mdev.sync.Deadline;
import mdev.sync.FaultLog;
import mdev.sync.LimitedLog;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import vfio.user.session.ClientLimits;

/** Accepts clients on any number of listening sockets, with one thread. */
public final class Acceptor implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(Acceptor.class);
    private static final int EVENTS = 64;
    private static final Duration PAUSE = Duration.ofMillis(100);
    private static final Duration GRACE = Duration.ofSeconds(2);
    private static final Duration LONG = Duration.ofHours(1);

    /** Rate-limited: at the descriptor limit every accept fails, ten times a second. */
    private final FaultLog faults = new FaultLog(LOG, "vfio-user");

    private final Epoll epoll;
    private final Thread thread;
    private final AtomicLong lastId = new AtomicLong();
    private final Map<Long, Listening> listening = new ConcurrentHashMap<>();
    private final AtomicInteger connections = new AtomicInteger();
    private final LimitedLog refusals = new LimitedLog();
    private volatile boolean closed;

    /** Receives the clients of a socket. */
    interface Clients {
        /** Called on the acceptor's thread; must not block. */
        void accept(UnixSocket client);
    }

    private record Listening(UnixServerSocket socket, Clients clients) {}

    public Acceptor() throws LinuxException {
        epoll = Epoll.create(EVENTS);
        thread = Thread.ofPlatform()
                .daemon()
                .name("vfio-user-accept")
                .inheritInheritableThreadLocals(false)
                .start(this::run);
    }

    /** @return the id for {@link #remove} */
    long add(UnixServerSocket socket, Clients clients) throws LinuxException {
        long id = lastId.incrementAndGet();
        listening.put(id, new Listening(socket, clients));
        try {
            epoll.add(socket.fd(), Epoll.EPOLLIN, id);
        } catch (LinuxException e) {
            listening.remove(id);
            throw e;
        }
        return id;
    }

    /** A client that is being accepted may still be reported. The caller closes the socket. */
    void remove(long id) {
        Listening gone = listening.remove(id);
        if (gone != null) {
            try {
                epoll.remove(gone.socket.fd());
            } catch (LinuxException e) {
                LOG.debug("{} could not be removed from epoll: {}", gone.socket.path(), e.toString());
            }
        }
    }

    /**
     * Counts a connection of any socket. Pairs with {@link #leave}.
     *
     * @return false if there are too many already
     */
    boolean enter(UnixSocket client, ClientLimits limits) {
        int most = limits.connections();
        String reason = client.fd().number() >= Fd.limit(limits.reserved())
                ? ClientLimits.OUT_OF_FDS
                : "there are " + most + " (vfio.user.maxConnections)";
        if (!reason.equals(ClientLimits.OUT_OF_FDS)
                && connections.getAndUpdate(now -> now < most ? now + 1 : now) < most) {
            return true;
        }
        refusals.log(more -> LOG.warn("a client is refused: {}{}", reason, more));
        return false;
    }

    void leave() {
        connections.decrementAndGet();
    }

    private void run() {
        try {
            for (; ; ) {
                int found = epoll.await(LONG);
                for (int i = 0; i < found; i++) {
                    Listening ready = listening.get(epoll.data(i));
                    if (ready != null) {
                        accept(ready);
                    }
                }
            }
        } catch (LinuxException e) {
            if (Errno.of(e.errno()) != Errno.EBADF) { // not closed
                LOG.error("no more clients can connect", e);
            }
        } catch (RuntimeException | Error e) {
            LOG.error("no more clients can connect", e);
        }
    }

    private void accept(Listening ready) {
        try {
            ready.socket.tryAccept().ifPresent(ready.clients::accept);
        } catch (LinuxException e) {
            if (Errno.of(e.errno()) != Errno.EBADF) {
                faults.report("accepting a client on " + ready.socket.path(), e);
                // Out of descriptors: the connection remains pending and would be reported again at once.
                var _ = Deadline.in(PAUSE).poll(PAUSE, () -> closed);
            }
        } catch (RuntimeException | Error e) {
            faults.report("accepting a client on " + ready.socket.path(), e);
        }
    }

    @Override
    public void close() {
        closed = true;
        epoll.close();
        if (!Deadline.in(GRACE).join(thread)) {
            LOG.warn("{} did not end in time", thread.getName(), BoundedCalls.stackOf(thread));
        }
    }
}
