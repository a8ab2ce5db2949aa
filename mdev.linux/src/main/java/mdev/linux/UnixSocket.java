package mdev.linux;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicReference;

/**
 * A connected UNIX stream socket whose messages may carry file descriptors.
 *
 * <p>Owns its descriptor and received descriptors that were not taken. At any time one thread may receive and one may
 * send; any thread may {@link #shutdown} or {@link #close}, which ends their waits. Receiving and sending bytes
 * allocates nothing.
 *
 * <p>Descriptors and bytes: the kernel ends a read at the end of a {@code sendmsg} with descriptors, but the read may
 * begin with bytes sent earlier. If the peer sends each message with one call, the descriptors received with a read
 * belong to the last message that begins in it.
 */
public final class UnixSocket implements AutoCloseable {
    /** Returned by {@link #receive} at the end of the stream. */
    public static final int END = -1;

    /** The most descriptors that a message can carry: the kernel's SCM_MAX_FD. */
    public static final int MAX_FDS = ScmRights.MAX_FDS;

    private static final int MSG_CTRUNC = 0x8;
    private static final int MSG_DONTWAIT = 0x40;
    private static final int MSG_NOSIGNAL = 0x4000;
    private static final int MSG_CMSG_CLOEXEC = 0x4000_0000;

    private static final MethodHandle CONNECT =
            Libc.function("connect", FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS, JAVA_INT));
    private static final MethodHandle SOCKETPAIR =
            Libc.function("socketpair", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT, ADDRESS));

    /**
     * sendmsg(2) and recvmsg(2) through syscall(2). Their message holds the buffer's address as a plain number.
     * syscall(2) takes up to six arguments and the kernel ignores surplus ones, so the buffer is passed as the last
     * argument: its arena is then held during the call like that of any segment, and memory closed meanwhile is
     * unmapped only after the call has returned.
     */
    private static final MethodHandle SYSCALL = Libc.variadic(
            "syscall", 1, FunctionDescriptor.of(JAVA_LONG, JAVA_LONG, JAVA_LONG, ADDRESS, JAVA_LONG, ADDRESS));

    private static final long SYS_RECVMSG = Arch.CURRENT.sysRecvmsg();
    private static final long SYS_SENDMSG = Arch.CURRENT.sysSendmsg();

    private final Fd fd;
    private final int number;
    private final int maxFds;

    // Each call holds its errno segment while it runs. The messages outlive the socket, so that descriptors that arrive
    // with the last receive are found (and closed) even if the socket is closed before that receive returns.
    private final CallArena arena = new CallArena();
    private final MemorySegment receiveState = arena.allocate(Libc.STATE);
    private final MemorySegment sendState = arena.allocate(Libc.STATE);
    private final MemorySegment shutdownState = arena.allocate(Libc.STATE);
    private final MsgHdr received;
    private final MsgHdr sent;

    /** The thread that removes a list owns its descriptors: in takeFds, the next receive, or close. */
    private final AtomicReference<List<Fd>> receivedFds = new AtomicReference<>(List.of());

    /** For the receiving thread. */
    private boolean fdsLost;

    private UnixSocket(Fd fd, int maxFds) {
        this.fd = fd;
        this.number = fd.number();
        this.maxFds = maxFds;
        Arena collected = Arena.ofAuto();
        this.received = new MsgHdr(collected, maxFds);
        this.sent = new MsgHdr(collected, maxFds);
    }

    /**
     * Takes ownership of a connected stream socket.
     *
     * @param maxFds the most descriptors that one message may carry, 0 to 253
     */
    public static UnixSocket adopt(Fd fd, int maxFds) {
        ScmRights.requireMaxFds(maxFds);
        return new UnixSocket(fd.move(), maxFds);
    }

    /**
     * Connects to a listening socket.
     *
     * @param maxFds the most descriptors that one message may carry, 0 to 253
     * @throws LinuxException ENOENT: no such path; ECONNREFUSED: no listener; EACCES: no permission; ENAMETOOLONG: see
     *     {@link UnixServerSocket#MAX_PATH}
     */
    public static UnixSocket connect(Path path, int maxFds) throws LinuxException {
        try (Arena arena = Arena.ofConfined();
                Fd fd = Sockets.stream(0)) {
            MemorySegment address = SockaddrUn.of("connect", path, arena);
            Libc.call("connect " + path, state ->
                    (int) CONNECT.invokeExact(state, fd.number(), address, (int) address.byteSize()));
            return adopt(fd, maxFds);
        }
    }

    /** Two connected sockets. */
    public record Pair(UnixSocket first, UnixSocket second) implements AutoCloseable {
        /** Closes both. */
        @Override
        public void close() {
            first.close();
            second.close();
        }
    }

    /** Creates a {@link Pair}. */
    public static Pair pair(int maxFds) throws LinuxException {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment numbers = arena.allocate(JAVA_INT, 2);
            Libc.call("socketpair", state -> (int) SOCKETPAIR.invokeExact(
                    state, (int) SockaddrUn.AF_UNIX, Sockets.SOCK_STREAM | Sockets.SOCK_CLOEXEC, 0, numbers));
            try (Fd first = Fd.of(numbers.getAtIndex(JAVA_INT, 0));
                    Fd second = Fd.of(numbers.getAtIndex(JAVA_INT, 1))) {
                return new Pair(adopt(first, maxFds), adopt(second, maxFds));
            }
        }
    }

    /** The descriptor, to be passed to a peer or registered with {@link Epoll}; it stays owned here. */
    public Fd fd() {
        return fd;
    }

    /** The credentials of the peer. */
    public PeerCredentials peerCredentials() throws LinuxException {
        return Sockets.peerCredentials(fd);
    }

    /** The timeout after which {@link #receive} returns 0; zero, the default, means none. */
    public void setReceiveTimeout(Duration timeout) throws LinuxException {
        Sockets.setTimeout(fd, Sockets.SO_RCVTIMEO, timeout);
    }

    /**
     * The timeout after which {@link #send} fails with ETIMEDOUT if there is no buffer space; zero, the default, means
     * none.
     */
    public void setSendTimeout(Duration timeout) throws LinuxException {
        Sockets.setTimeout(fd, Sockets.SO_SNDTIMEO, timeout);
    }

    /**
     * Receives available bytes, without blocking.
     *
     * @return as {@link #receive}; 0 if no bytes are available
     */
    public long tryReceive(MemorySegment buffer, long offset, long length) throws LinuxException {
        return receiveOnce(buffer, offset, length, MSG_DONTWAIT);
    }

    /**
     * Receives at least one byte; polls {@code spins} times before it blocks. Descriptors from the previous receive
     * that were not taken are closed.
     *
     * @param buffer native memory
     * @param length the most bytes to receive, at least 1
     * @param spins the number of polls before blocking
     * @return the bytes received; {@link #END} if the peer or this side has closed; 0 on timeout
     * @throws LinuxException ECONNRESET: the peer closed without reading everything
     */
    public long receive(MemorySegment buffer, long offset, long length, int spins) throws LinuxException {
        for (int i = 0; i < spins; i++) {
            long n = receiveOnce(buffer, offset, length, MSG_DONTWAIT);
            if (n != 0) {
                return n;
            }
            Thread.onSpinWait();
        }
        return receiveOnce(buffer, offset, length, 0);
    }

    private long receiveOnce(MemorySegment buffer, long offset, long length, int flags) throws LinuxException {
        Objects.checkFromIndexSize(offset, length, buffer.byteSize());
        Fd.requireWritable(buffer);
        if (length == 0) {
            throw new IllegalArgumentException("the receive buffer is empty");
        }
        closeReceivedFds();
        try {
            for (; ; ) {
                received.prepare(buffer, offset, length, ScmRights.length(maxFds));
                long n = (long) SYSCALL.invokeExact(
                        receiveState,
                        SYS_RECVMSG,
                        (long) number,
                        received.header(),
                        (long) (flags | MSG_CMSG_CLOEXEC),
                        buffer);
                if (n > 0) {
                    keepReceivedFds();
                    return n;
                }
                if (n == 0) {
                    return END;
                }
                int errno = Libc.errno(receiveState);
                if (errno == LinuxErrno.EAGAIN) {
                    return 0;
                }
                if (errno != LinuxErrno.EINTR) {
                    throw new LinuxException("recvmsg", errno);
                }
            }
        } catch (Throwable t) {
            if (arena.isLate(t)) {
                return END;
            }
            throw Libc.failed(t);
        }
    }

    private void keepReceivedFds() {
        MemorySegment control = received.control();
        int count = ScmRights.count(control, received.controlLength());
        if (count > 0) {
            List<Fd> fds = new ArrayList<>(count);
            for (int i = 0; i < count; i++) {
                fds.add(Fd.of(ScmRights.fd(control, i)));
            }
            receivedFds.set(fds);
        }
        fdsLost = (received.flags() & MSG_CTRUNC) != 0;
        if (fdsLost || arena.isClosing()) { // pairs with the order in close()
            closeReceivedFds();
        }
    }

    /**
     * Called by the receiving thread: whether the last receive had more descriptors than allowed, or exceeded the
     * process's limit. All of its descriptors are then closed; the bytes are intact.
     */
    public boolean fdsLost() {
        return fdsLost;
    }

    /** Takes ownership of the descriptors of the last receive, in order. */
    public List<Fd> takeFds() {
        return receivedFds.getAndSet(List.of());
    }

    private void closeReceivedFds() {
        List<Fd> fds = takeFds();
        for (int i = 0; i < fds.size(); i++) {
            fds.get(i).close();
        }
    }

    /** As {@link #send(MemorySegment, long, long, List)}, without descriptors. */
    public void send(MemorySegment buffer, long offset, long length) throws LinuxException {
        send(buffer, offset, length, List.of());
    }

    /**
     * Sends as many bytes as there is room for, without blocking.
     *
     * @return the bytes sent, 0 if there is no room
     */
    public long trySend(MemorySegment buffer, long offset, long length) throws LinuxException {
        Objects.checkFromIndexSize(offset, length, buffer.byteSize());
        return sendOnce(buffer, offset, length, 0, MSG_DONTWAIT);
    }

    /**
     * Sends all bytes, waiting for room as needed; the descriptors go with the first of them.
     *
     * @param buffer native memory
     * @param length the number of bytes; at least 1 if there are descriptors
     * @param fds at most {@code maxFds}; they remain owned by the caller
     * @throws LinuxException EPIPE, ECONNRESET: the peer or this side has closed; ETIMEDOUT: see {@link
     *     #setSendTimeout}; EBADF: a descriptor is closed. An unknown number of bytes may have been sent
     */
    public void send(MemorySegment buffer, long offset, long length, List<Fd> fds) throws LinuxException {
        Objects.checkFromIndexSize(offset, length, buffer.byteSize());
        if (fds.size() > maxFds || (length == 0 && !fds.isEmpty())) {
            throw new IllegalArgumentException(
                    fds.size() + " descriptors with " + length + " bytes, at most " + maxFds);
        }
        long controlLength = 0;
        if (!fds.isEmpty()) {
            ScmRights.write(sent.control(), fds);
            controlLength = ScmRights.length(fds.size());
        }
        for (long done = 0; done < length; controlLength = 0) { // the peer has them with the first bytes
            long n = sendOnce(buffer, offset + done, length - done, controlLength, 0);
            if (n == 0) {
                throw new LinuxException("sendmsg", LinuxErrno.ETIMEDOUT);
            }
            done += n;
        }
    }

    /** @return 0 if there is no room immediately, or by the send timeout */
    private long sendOnce(MemorySegment buffer, long offset, long length, long controlLength, int flags)
            throws LinuxException {
        try {
            for (; ; ) {
                sent.prepare(buffer, offset, length, controlLength);
                long n = (long) SYSCALL.invokeExact(
                        sendState, SYS_SENDMSG, (long) number, sent.header(), (long) (flags | MSG_NOSIGNAL), buffer);
                if (n >= 0) {
                    return n;
                }
                int errno = Libc.errno(sendState);
                if (errno == LinuxErrno.EAGAIN) {
                    return 0;
                }
                if (errno != LinuxErrno.EINTR) {
                    throw new LinuxException("sendmsg", errno);
                }
            }
        } catch (Throwable t) {
            if (arena.isLate(t)) {
                throw new LinuxException("sendmsg", LinuxErrno.EPIPE);
            }
            throw Libc.failed(t);
        }
    }

    /**
     * Ends the connection in both directions: the peer and local threads that receive or send see the end of the
     * stream. The descriptor remains open until {@link #close}. Idempotent.
     */
    public void shutdown() {
        shutdown(Sockets.SHUT_RDWR);
    }

    /**
     * Shuts down the receive direction: later sends of the peer fail with EPIPE, {@link #receive} returns the bytes
     * already sent and then the end of the stream, {@link #send} still works. Idempotent.
     */
    public void shutdownReceive() {
        shutdown(Sockets.SHUT_RD);
    }

    private void shutdown(int how) {
        try {
            Sockets.shutdown(shutdownState, number, how);
        } catch (IllegalStateException e) {
            if (!arena.isLate(e)) {
                throw e;
            }
        }
    }

    /**
     * Ends the connection, waits until no call is running, and closes the descriptor and the received descriptors that
     * were not taken. Idempotent.
     */
    @Override
    public void close() {
        if (arena.beginClose()) {
            shutdown();
            arena.close("socket " + fd, () -> {
                fd.close();
                closeReceivedFds();
            });
        }
    }

    /**
     * Gives up ownership of the descriptor: this socket then behaves as closed, but the connection remains usable
     * through other descriptors, whereas {@link #close} ends it for all of them. No call may be running.
     *
     * @return the descriptor, now owned by the caller; a closed one if this socket was closed
     */
    public Fd release() {
        if (arena.beginClose()) {
            arena.close("socket " + fd, this::closeReceivedFds);
        }
        return fd.move();
    }
}
