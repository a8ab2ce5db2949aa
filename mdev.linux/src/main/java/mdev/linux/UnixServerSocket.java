package mdev.linux;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Optional;
import mdev.sync.Deadline;

/**
 * A listening UNIX stream socket.
 *
 * <p>Owns its descriptor and the path. One thread at a time accepts; any thread may {@link #close}. Costs a descriptor
 * and no thread: register {@link #fd} with an {@link Epoll} for EPOLLIN and call {@link #tryAccept} when it is ready.
 */
public final class UnixServerSocket implements AutoCloseable {
    /** The longest path, in bytes: {@code sun_path} without the terminating 0. */
    public static final int MAX_PATH = 107;

    private static final int OWNER_ONLY = 0600;

    /**
     * After a close, the number may refer to another file before it is polled, which would never end the wait; the
     * socket is therefore checked again at this interval.
     */
    private static final Duration RECHECK = Duration.ofSeconds(1);

    private static final MethodHandle FCHMOD =
            Libc.function("fchmod", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT));
    private static final MethodHandle BIND =
            Libc.function("bind", FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS, JAVA_INT));
    private static final MethodHandle LISTEN =
            Libc.function("listen", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT));
    private static final MethodHandle ACCEPT4 =
            Libc.function("accept4", FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS, ADDRESS, JAVA_INT));

    private final Fd fd;
    private final int number;
    private final Path path;
    private final int maxFds;

    /**
     * Garbage-collected, not closed: closing a shared arena stops all threads of the process, and there may be
     * thousands of sockets.
     */
    private final MemorySegment state = Arena.ofAuto().allocate(Libc.STATE);

    /**
     * Guarded by the monitor, as is {@link #state}, so that no call uses a closed number. Accepting never blocks.
     */
    private boolean closed;

    private UnixServerSocket(Fd fd, Path path, int maxFds) {
        this.fd = fd;
        this.number = fd.number();
        this.path = path;
        this.maxFds = maxFds;
    }

    /**
     * Listens on a path that does not exist yet. The path is created with mode 0600.
     *
     * @param backlog the maximum number of pending connections
     * @param maxFds the maximum number of descriptors per message on a connection, 0 to 253
     * @throws LinuxException ENAMETOOLONG: more than {@link #MAX_PATH} bytes; EADDRINUSE: the path exists; ENOENT,
     *     EACCES: no such directory, or no permission
     */
    public static UnixServerSocket listen(Path path, int backlog, int maxFds) throws LinuxException {
        ScmRights.requireMaxFds(maxFds);
        try (Arena arena = Arena.ofConfined();
                Fd fd = Sockets.stream(Sockets.SOCK_NONBLOCK)) {
            MemorySegment address = SockaddrUn.of("bind", path, arena);
            // bind(2) creates the path with the socket's own mode (unix_bind_bsd in net/unix/af_unix.c).
            Libc.call("fchmod", state -> (int) FCHMOD.invokeExact(state, fd.number(), OWNER_ONLY));
            Libc.call("bind " + path, state ->
                    (int) BIND.invokeExact(state, fd.number(), address, (int) address.byteSize()));
            UnixServerSocket socket = new UnixServerSocket(fd.move(), path, maxFds);
            try {
                Libc.call("listen", state -> (int) LISTEN.invokeExact(state, socket.number, backlog));
            } catch (LinuxException e) {
                socket.close();
                throw e;
            }
            return socket;
        }
    }

    /** The descriptor, for {@link Epoll}; it stays owned here. */
    public Fd fd() {
        return fd;
    }

    /** The path of the socket. */
    public Path path() {
        return path;
    }

    /**
     * Accepts a pending connection. Never blocks.
     *
     * @return the connection, owned by the caller; empty if none is pending
     * @throws LinuxException EMFILE, ENFILE, ENOMEM: out of descriptors or memory, the connection remains pending;
     *     EBADF: closed
     */
    public synchronized Optional<UnixSocket> tryAccept() throws LinuxException {
        if (closed) {
            throw new LinuxException("accept", LinuxErrno.EBADF);
        }
        try {
            for (; ; ) {
                int connection = (int) ACCEPT4.invokeExact(
                        state, number, MemorySegment.NULL, MemorySegment.NULL, Sockets.SOCK_CLOEXEC);
                if (connection >= 0) {
                    return Optional.of(UnixSocket.adopt(Fd.of(connection), maxFds));
                }
                int errno = Libc.errno(state);
                if (errno == LinuxErrno.EAGAIN) {
                    return Optional.empty();
                }
                if (errno != LinuxErrno.EINTR) {
                    throw new LinuxException("accept", errno);
                }
            }
        } catch (Throwable t) {
            throw Libc.failed(t);
        }
    }

    /**
     * Waits for a connection and accepts it.
     *
     * @return the connection, owned by the caller; empty on timeout
     * @throws LinuxException as {@link #tryAccept}; EBADF also if closed during the wait
     */
    public Optional<UnixSocket> accept(Duration timeout) throws LinuxException {
        Deadline deadline = Deadline.in(timeout);
        for (; ; ) {
            Optional<UnixSocket> connection = tryAccept();
            if (connection.isPresent() || deadline.hasPassed()) {
                return connection;
            }
            Duration left = deadline.remaining();
            Poll.await(fd, Poll.POLLIN, left.compareTo(RECHECK) < 0 ? left : RECHECK);
        }
    }

    /**
     * Removes the path, rejects pending connections, and closes the descriptor once no call is running. Idempotent.
     */
    @Override
    public synchronized void close() {
        if (!closed) {
            closed = true;
            try {
                Files.deleteIfExists(path);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            } finally {
                Sockets.shutdown(state, number, Sockets.SHUT_RDWR); // wakes the poll of accept()
                fd.close();
            }
        }
    }
}
