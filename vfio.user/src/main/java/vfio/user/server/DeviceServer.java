package vfio.user.server;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Collection;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.Semaphore;
import mdev.linux.LinuxException;
import mdev.linux.UnixServerSocket;
import mdev.linux.UnixSocket;
import mdev.sync.BoundedCalls;
import mdev.sync.Deadline;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import vfio.user.session.Connection;
import vfio.user.session.ServedDevice;

/**
 * A device and its socket. Serves one client at a time; another client's VERSION waits for a limited time for the end
 * of the first, which may not have been detected yet.
 */
public final class DeviceServer {
    private static final Logger LOG = LoggerFactory.getLogger(DeviceServer.class);

    /** The number of clients that may wait to be accepted. */
    private static final int BACKLOG = 4;

    /** At this number of connections of a user, a new one ends the oldest of them without an agreed version. */
    private static final int CROWD = 8;

    /** The maximum number of connections of a user; more are rejected. */
    private static final int MAX_OF_USER = 2 * CROWD;

    private static final int MAX_CLIENTS = 4 * MAX_OF_USER;

    private static final int UNKNOWN_USER = -1;

    private final ServedDevice device;
    private final Acceptor acceptor;
    private final UnixServerSocket socket;
    private final long accepting;

    /** Has one permit, for the client that uses the device. */
    private final Semaphore turn = new Semaphore(1, true);

    /** The clients in order of arrival. The monitor guards both fields: no client is added after the end. */
    private final Deque<Client> clients = new ArrayDeque<>();

    private boolean ended;

    private record Client(Connection connection, int user, Thread thread) {}

    /** Starts listening. */
    public DeviceServer(ServedDevice device, Path path, Acceptor acceptor) throws LinuxException, IOException {
        this.device = device;
        this.acceptor = acceptor;
        this.socket = UnixServerSocket.listen(path, BACKLOG, UnixSocket.MAX_FDS);
        try {
            device.options().get().access().applyTo(path);
            this.accepting = acceptor.add(socket, this::accept);
        } catch (LinuxException | IOException e) {
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

    /** Each user has a separate limit, so that a user that connects repeatedly does not exclude the others. */
    private synchronized void accept(UnixSocket connected) {
        int user = user(connected);
        List<Connection> same = clients.stream()
                .filter(client -> client.user == user)
                .map(Client::connection)
                .toList();
        if (same.size() >= CROWD) {
            same.stream().filter(Connection::isWaiting).findFirst().ifPresent(Connection::cut);
        }
        if (ended
                || same.size() >= MAX_OF_USER
                || clients.size() >= MAX_CLIENTS
                || !acceptor.enter(connected, device.options().get().limits())) {
            connected.close();
            return;
        }
        Connection connection = new Connection(device, connected, turn);
        Thread thread = Thread.ofPlatform()
                .daemon()
                .name("vfio-user-" + device.name())
                .inheritInheritableThreadLocals(false)
                .unstarted(() -> serve(connection));
        try {
            thread.start();
        } catch (Error e) { // no thread could be started
            acceptor.leave();
            connected.close();
            throw e;
        }
        clients.add(new Client(connection, user, thread));
    }

    private static int user(UnixSocket client) {
        try {
            return client.peerCredentials().uid();
        } catch (LinuxException e) {
            return UNKNOWN_USER;
        }
    }

    private void serve(Connection connection) {
        try {
            connection.run();
        } finally {
            acceptor.leave();
            synchronized (this) {
                clients.removeIf(client -> client.connection.equals(connection));
            }
        }
    }

    /** Stops accepting clients; the path is removed when this returns. */
    public void stopListening() {
        synchronized (this) {
            ended = true;
        }
        acceptor.remove(accepting);
        socket.close();
    }

    /**
     * Stops receiving from the clients; messages already sent are answered. Does not wait; {@link #awaitEnd} must
     * follow.
     */
    public void end() {
        stopListening();
        clients().forEach(client -> client.connection.end());
    }

    /**
     * Waits for the connections of stopped servers to end, and cuts those that exceed the grace period: their clients
     * may not be receiving answers.
     *
     * @param grace the time for all connections to end normally, and then again for those that were cut
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
                        "device {}: the connection of its client has not ended in time; {} is in the call below",
                        server.device.name(),
                        client.thread.getName(),
                        BoundedCalls.stackOf(client.thread));
            }
            server.device.trace().end();
        }
    }

    private synchronized List<Client> clients() {
        return List.copyOf(clients);
    }

    /** @return the clients whose connections have not ended by the deadline */
    private List<Client> waitFor(Deadline deadline) {
        return clients().stream()
                // The current thread is one of them if a vendor removes its device within an access.
                .filter(client -> !client.thread.equals(Thread.currentThread()) && !deadline.join(client.thread))
                .toList();
    }
}
