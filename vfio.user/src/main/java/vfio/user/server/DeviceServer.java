package vfio.user.server;

import java.nio.file.Path;
import java.time.Duration;
import mdev.linux.LinuxException;
import mdev.linux.UnixServerSocket;
import mdev.linux.UnixSocket;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import vfio.user.session.Connection;
import vfio.user.session.Served;
import vfio.user.wire.Version;

/** A device and its socket: one client at a time, and one that waits for the other to be gone. */
public final class DeviceServer {
    private static final Logger LOG = LoggerFactory.getLogger(DeviceServer.class);

    /** Clients that wait to be looked at. */
    private static final int BACKLOG = 4;

    private final Served device;
    private final Acceptor acceptor;
    private final Duration takeOver;
    private final UnixServerSocket socket;
    private final long accepting;

    /** The monitor guards what follows: who is served, who waits for it, and that nobody comes after the end. */
    private @Nullable Client client;

    private @Nullable Client next;
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

    /** A client that just ended may not have been noticed: the next waits for it, one after that is turned away. */
    private synchronized void accept(UnixSocket connected) {
        if (ended || next != null) {
            connected.close();
            return;
        }
        Connection connection = new Connection(device, connected);
        Client before = client;
        Thread thread = Thread.ofPlatform()
                .daemon()
                .name("vfio-user-" + device.name())
                .inheritInheritableThreadLocals(false)
                .unstarted(() -> serve(connection, before));
        Client fresh = new Client(connection, thread);
        if (before == null) {
            client = fresh;
        } else {
            next = fresh;
        }
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
        // Where the one before is still there the device is busy, and VERSION is answered so.
        try {
            connection.run();
        } finally {
            over(connection);
        }
    }

    private synchronized void over(Connection connection) {
        if (client != null && client.connection.equals(connection)) {
            client = next;
            next = null;
        } else if (next != null && next.connection.equals(connection)) {
            next = null;
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

    /** Cuts the clients off and waits for their connections to end. */
    public void end(Duration patience) {
        stopListening();
        Client[] left;
        synchronized (this) {
            left = new Client[] {client, next};
        }
        for (Client one : left) {
            if (one != null) {
                end(one, patience);
            }
        }
        device.trace().end();
    }

    private void end(Client one, Duration patience) {
        one.connection.cut();
        try {
            if (!one.thread.equals(Thread.currentThread()) && !one.thread.join(patience)) {
                LOG.warn(
                        "device {}: its connection has not ended: a call into the vendor has not come back",
                        device.name());
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
