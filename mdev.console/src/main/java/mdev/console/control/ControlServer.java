package mdev.console.control;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Supplier;
import mdev.console.shell.Shell;
import mdev.console.shell.UserTerminal;
import mdev.sync.Deadline;
import mdev.sync.FaultLog;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Listens on the control socket; each client has its own shell. */
public final class ControlServer implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(ControlServer.class);
    private static final Duration RETRY = Duration.ofMillis(100);

    private final FaultLog faults = new FaultLog(LOG, "the control socket");
    private final Path socket;
    private final ServerSocketChannel listener;
    private final Function<UserTerminal, Shell> shells;
    private final Supplier<ControlLimits> limits;

    /** The sessions with running threads; guarded by this set's monitor. */
    private final Set<ControlSession> sessions = new HashSet<>();

    /** No more sessions are added; guarded by the monitor of {@link #sessions}. */
    private boolean closed;

    private ControlServer(
            Path socket,
            ServerSocketChannel listener,
            Function<UserTerminal, Shell> shells,
            Supplier<ControlLimits> limits) {
        this.socket = socket;
        this.listener = listener;
        this.shells = shells;
        this.limits = limits;
    }

    /**
     * Listens in a run directory whose lock is held: an existing socket there is stale. Pairs with {@link #close}.
     *
     * @param shells creates the shell of a client
     * @param limits supplies the current limits
     */
    public static ControlServer open(
            RunDirectory directory, Function<UserTerminal, Shell> shells, Supplier<ControlLimits> limits)
            throws IOException {
        Path socket = RunDirectory.socket(directory.path());
        // The umask sets the mode of a new socket. It is changed in a private directory, before the socket is visible.
        Path nursery = directory.path().resolve(".new");
        Path newborn = nursery.resolve("s");
        Files.deleteIfExists(newborn);
        Files.deleteIfExists(nursery);
        Files.createDirectory(
                nursery, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
        ServerSocketChannel listener = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        try {
            listener.bind(UnixDomainSocketAddress.of(newborn));
            Files.setPosixFilePermissions(newborn, PosixFilePermissions.fromString("rw-------"));
            Files.move(newborn, socket, StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException | RuntimeException e) {
            listener.close();
            throw e;
        } finally {
            Files.deleteIfExists(newborn);
            Files.delete(nursery);
        }
        ControlServer server = new ControlServer(socket, listener, shells, limits);
        Thread.ofPlatform().daemon().name("mdev-control").start(server::accept);
        return server;
    }

    public Path socket() {
        return socket;
    }

    private void accept() {
        for (int number = 1; listener.isOpen(); number++) {
            try {
                add(new Wire(listener.accept(), true), number);
            } catch (IOException | RuntimeException e) {
                // This client cannot be served, or the process is out of descriptors. The next attempt may succeed.
                if (listener.isOpen()) {
                    faults.report("serving a client", e);
                    Deadline.in(RETRY).poll(RETRY, () -> !listener.isOpen());
                }
            }
        }
    }

    private void add(Wire client, int number) throws IOException {
        synchronized (sessions) {
            if (closed) {
                client.close();
                return;
            }
            int most = limits.get().clients();
            if (sessions.size() >= most) {
                refuse(client, "there are " + most + " clients already (mdev.console.maxClients)");
                return;
            }
            ControlSession session = new ControlSession(client, shells, limits, number, this::remove);
            sessions.add(session);
            session.start();
        }
    }

    /** Both frames fit into the buffer of a new socket. */
    private static void refuse(Wire client, String reason) throws IOException {
        try (client) {
            client.write(Frame.of(FrameType.ERR, "mdev: " + reason + "\n"));
            client.write(Frame.status(Shell.Outcome.FAILED, true));
        }
    }

    private void remove(ControlSession session) {
        synchronized (sessions) {
            sessions.remove(session);
        }
    }

    /** Accepts no more clients, interrupts their lines, and sends each client the outcome. */
    @Override
    public void close() throws IOException {
        Files.deleteIfExists(socket);
        listener.close();
        List<ControlSession> remaining;
        synchronized (sessions) {
            closed = true;
            remaining = List.copyOf(sessions);
        }
        ControlSession.close(remaining);
    }
}
