package mdev.linux;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.time.Duration;

/** Calls and constants used by both kinds of sockets ({@code include/uapi/asm-generic/socket.h}). */
final class Sockets {
    static final int SOCK_STREAM = 1;
    static final int SOCK_NONBLOCK = 04000;
    static final int SOCK_CLOEXEC = 02000000;
    static final int SO_RCVTIMEO = 20;
    static final int SO_SNDTIMEO = 21;

    private static final int SOL_SOCKET = 1;
    private static final int SO_PEERCRED = 17;
    static final int SHUT_RD = 0;
    static final int SHUT_RDWR = 2;

    private static final MethodHandle SOCKET =
            Libc.function("socket", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT));
    private static final MethodHandle SHUTDOWN =
            Libc.function("shutdown", FunctionDescriptor.ofVoid(JAVA_INT, JAVA_INT));
    private static final MethodHandle GETSOCKOPT = Libc.function(
            "getsockopt", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT, ADDRESS, ADDRESS));
    private static final MethodHandle SETSOCKOPT = Libc.function(
            "setsockopt", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT, ADDRESS, JAVA_INT));

    private Sockets() {}

    static Fd stream(int flags) throws LinuxException {
        return open(SockaddrUn.AF_UNIX, SOCK_STREAM | flags, 0);
    }

    /** {@code socket(2)}, with SOCK_CLOEXEC. */
    static Fd open(int family, int type, int protocol) throws LinuxException {
        return Fd.of(
                Libc.call("socket", state -> (int) SOCKET.invokeExact(state, family, type | SOCK_CLOEXEC, protocol)));
    }

    /**
     * Shuts down a connection or a listening socket; blocked calls return.
     *
     * @param how {@link #SHUT_RD} or {@link #SHUT_RDWR}
     * @param state from the socket's own arena, so that the number cannot refer to another file; errno is ignored, only
     *     ENOTCONN is possible
     */
    static void shutdown(MemorySegment state, int fd, int how) {
        try {
            SHUTDOWN.invokeExact(state, fd, how);
        } catch (Throwable t) {
            throw Libc.unexpected(t);
        }
    }

    /** Sets SO_RCVTIMEO or SO_SNDTIMEO, a {@code struct timeval} of seconds and microseconds; zero means no timeout. */
    static void setTimeout(Fd fd, int option, Duration timeout) throws LinuxException {
        try (Arena arena = Arena.ofConfined()) {
            // Rounded up to the next microsecond: rounded down, the shortest timeouts would become infinite.
            Duration rounded = timeout.plusNanos(999);
            MemorySegment timeval = arena.allocateFrom(JAVA_LONG, rounded.toSeconds(), rounded.toNanosPart() / 1000);
            Libc.call("setsockopt", state -> (int)
                    SETSOCKOPT.invokeExact(state, fd.number(), SOL_SOCKET, option, timeval, (int) timeval.byteSize()));
        }
    }

    static PeerCredentials peerCredentials(Fd fd) throws LinuxException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment ucred = arena.allocate(JAVA_INT, 3);
            MemorySegment length = arena.allocateFrom(JAVA_INT, (int) ucred.byteSize());
            Libc.call("getsockopt(SO_PEERCRED)", state ->
                    (int) GETSOCKOPT.invokeExact(state, fd.number(), SOL_SOCKET, SO_PEERCRED, ucred, length));
            return new PeerCredentials(
                    ucred.getAtIndex(JAVA_INT, 0), ucred.getAtIndex(JAVA_INT, 1), ucred.getAtIndex(JAVA_INT, 2));
        }
    }
}
