package mdev.console.control;

import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;
import mdev.console.shell.Shell;
import mdev.console.shell.UserTerminal;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Listens on the control socket; each client has a shell of its own. */
public final class ControlServer implements AutoCloseable {
    private static final Logger LOG = LoggerFactory.getLogger(ControlServer.class);

    private final Path socket;
    private final ServerSocketChannel listener;
    private final Function<UserTerminal, Shell> shells;
    private final Set<ControlSession> sessions = ConcurrentHashMap.newKeySet();

    private ControlServer(Path socket, ServerSocketChannel listener, Function<UserTerminal, Shell> shells) {
        this.socket = socket;
        this.listener = listener;
        this.shells = shells;
    }

    /**
     * Listens in a run directory whose lock is held: a socket that is there was left behind. Pairs with {@link #close}.
     *
     * @param shells makes the shell of a client
     */
    public static ControlServer open(RunDirectory directory, Function<UserTerminal, Shell> shells) throws IOException {
        Path socket = RunDirectory.socket(directory.path());
        // A socket is born with the mode that the umask leaves. It gets its own before anybody can know its name.
        Path nursery = Files.createTempDirectory(
                directory.path(),
                ".",
                PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwx------")));
        Path newborn = nursery.resolve("s");
        ServerSocketChannel listener = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
        try {
            RunDirectory.checkLength(newborn);
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
        ControlServer server = new ControlServer(socket, listener, shells);
        Thread.ofPlatform().daemon().name("mdev-control").start(server::accept);
        return server;
    }

    public Path socket() {
        return socket;
    }

    private void accept() {
        for (int number = 1; ; number++) {
            try {
                SocketChannel client = listener.accept();
                ControlSession session = new ControlSession(new Wire(client, true), shells, number, sessions::remove);
                sessions.add(session);
                session.start();
            } catch (IOException e) {
                if (listener.isOpen()) {
                    LOG.error("the control socket is given up", e);
                }
                return;
            }
        }
    }

    /** Takes no more clients, interrupts what they run, and lets them know how it ended. */
    @Override
    public void close() throws IOException {
        Files.deleteIfExists(socket);
        listener.close();
        for (ControlSession session : sessions) {
            session.close();
        }
    }
}
