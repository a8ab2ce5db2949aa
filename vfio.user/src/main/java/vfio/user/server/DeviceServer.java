package vfio.user.server;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Collection;
import java.util.Deque;
import java.util.List;
import mdev.linux.LinuxException;
import mdev.linux.UnixServerSocket;
import mdev.linux.UnixSocket;
import mdev.sync.BoundedCalls;
import mdev.sync.Deadline;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import vfio.user.session.Connection;
import vfio.user.session.ServedDevice;
import vfio.user.wire.Version;

/** A device and its socket: one client at a time; who comes meanwhile waits a while for the one before to be gone. */
public final class DeviceServer {
    private static final Logger LOG = LoggerFactory.getLogger(DeviceServer.class);

    /** Clients that wait to be looked at. */
    private static final int BACKLOG = 4;

    /** More at once are turned away: one can be served, and some may have ended without being noticed yet. */
    private static final int MOST = 8;

    private final ServedDevice device;
    private final Acceptor acceptor;
    private final UnixServerSocket socket;
    private final long accepting;

    /** The monitor guards both: who is there, in the order of their coming, and that nobody comes after the end. */
    private final Deque<Client> clients = new ArrayDeque<>();

    private boolean ended;

    private record Client(Connection connection, Thread thread) {}

    /** Listens from now on. */
    public DeviceServer(ServedDevice device, Path path, Acceptor acceptor) throws LinuxException {
        this.device = device;
        this.acceptor = acceptor;
        this.socket = UnixServerSocket.listen(path, BACKLOG, Version.MAX_MSG_FDS);
        try {
            this.accepting = acceptor.add(socket, this::accept);
        } catch (LinuxException e) {
            socket.close();
            throw e;
        }
    }

    public ServedDevice device() {
        return device;
    }

    public Path path() {
        return socket.path();
    }

    /** A client that just ended may not have been noticed yet: the next one waits for it. */
    private synchronized void accept(UnixSocket connected) {
        if (ended || clients.size() == MOST) {
            connected.close();
            return;
        }
        Connection connection = new Connection(device, connected);
        Client before = clients.peekLast();
        Thread thread = Thread.ofPlatform()
                .daemon()
                .name("vfio-user-" + device.name())
                .inheritInheritableThreadLocals(false)
                .unstarted(() -> serve(connection, before));
        try {
            thread.start();
        } catch (Error e) { // there are no threads any more
            connected.close();
            throw e;
        }
        clients.add(new Client(connection, thread));
    }

    private void serve(Connection connection, @Nullable Client before) {
        if (before != null) {
            // Where it is still there the device is busy, and VERSION is answered so.
            var _ = Deadline.in(device.options().get().takeOver()).join(before.thread);
        }
        try {
            connection.run();
        } finally {
            synchronized (this) {
                clients.removeIf(client -> client.connection.equals(connection));
            }
        }
    }

    /** Takes no clients any more; the path is gone when this returns. */
    public void stopListening() {
        synchronized (this) {
            ended = true;
        }
        acceptor.remove(accepting);
        socket.close();
    }

    /**
     * Takes nothing of the clients any more: what they have sent is answered. Returns at once; {@link #awaitEnd} must
     * follow.
     */
    public void end() {
        stopListening();
        clients().forEach(client -> client.connection.end());
    }

    /**
     * Waits for the connections of servers that were ended to end, and cuts off those that take longer: they may be of
     * clients that do not take their answers.
     *
     * @param grace for the connections of all of them to end by themselves; and then for those that were cut off
     */
    public static void awaitEnd(Collection<DeviceServer> servers, Duration grace) {
        Deadline deadline = Deadline.in(grace);
        for (DeviceServer server : servers) {
            server.waitFor(deadline).forEach(client -> client.connection.cut());
        }
        Deadline last = Deadline.in(grace);
        for (DeviceServer server : servers) {
            for (Client client : server.waitFor(last)) {
                LOG.warn(
                        "device {}: its connection has not ended: a call into the vendor does not return",
                        server.device.name(),
                        BoundedCalls.stackOf(client.thread));
            }
            server.device.trace().end();
        }
    }

    private synchronized List<Client> clients() {
        return List.copyOf(clients);
    }

    /** @return the clients whose connections have not ended by then */
    private List<Client> waitFor(Deadline deadline) {
        return clients().stream()
                // The thread itself is here when a vendor removes its device inside of an access.
                .filter(client -> !client.thread.equals(Thread.currentThread()) && !deadline.join(client.thread))
                .toList();
    }
}
