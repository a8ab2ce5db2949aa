package vfio.user.server;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import mdev.linux.LinuxException;
import mdev.linux.UnixServerSocket;
import mdev.linux.UnixSocket;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import vfio.user.session.Connection;
import vfio.user.session.Served;
import vfio.user.wire.Version;

/** A device and its socket: one client at a time; who comes meanwhile waits a while for the one before to be gone. */
public final class DeviceServer {
    private static final Logger LOG = LoggerFactory.getLogger(DeviceServer.class);

    /** Clients that wait to be looked at. */
    private static final int BACKLOG = 4;

    /** More at once are turned away: one can be served, and some may have ended without being noticed yet. */
    private static final int MOST = 8;

    private final Served device;
    private final Acceptor acceptor;
    private final Duration takeOver;
    private final UnixServerSocket socket;
    private final long accepting;

    /** The monitor guards both: who is there, in the order of their coming, and that nobody comes after the end. */
    private final Deque<Client> clients = new ArrayDeque<>();

    private boolean ended;

    private record Client(Connection connection, Thread thread) {}

    /** Listens from now on. */
    public DeviceServer(Served device, Path path, Acceptor acceptor, Duration takeOver) throws LinuxException {
        this.device = device;
        this.acceptor = acceptor;
        this.takeOver = takeOver;
        this.socket = UnixServerSocket.listen(path, BACKLOG, Version.MAX_MSG_FDS);
        try {
            this.accepting = acceptor.add(socket, this::accept);
        } catch (LinuxException e) {
            socket.close();
            throw e;
        }
    }

    public Served device() {
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
        clients.add(new Client(connection, thread));
        thread.start();
    }

    private void serve(Connection connection, @Nullable Client before) {
        try {
            if (before != null) {
                before.thread.join(takeOver);
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        // Where one before is still there the device is busy, and VERSION is answered so.
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

    /** Ends the connections: what the clients have sent is answered, unless that takes longer than a while. */
    public void end(Duration patience) {
        stopListening();
        List<Client> left;
        synchronized (this) {
            left = List.copyOf(clients);
        }
        left.forEach(client -> client.connection.end());
        left.forEach(client -> await(client, patience));
        device.trace().end();
    }

    private void await(Client client, Duration patience) {
        try {
            if (!client.thread.join(patience)) {
                client.connection.cut(); // it may be one that does not take its answers
                if (!client.thread.join(patience)) {
                    LOG.warn(
                            "device {}: its connection has not ended: a call into the vendor has not come back",
                            device.name());
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            client.connection.cut();
        }
    }
}
