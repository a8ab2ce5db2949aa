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
 * <p>Owns its descriptor and those that were received and not taken. At any time one thread may receive and one may
 * send; any thread may {@link #shutdown} or {@link #close}, which ends what they wait for. Receiving and sending bytes
 * allocates nothing.
 *
 * <p>Which bytes do descriptors belong to? The kernel ends a read at the end of the {@code sendmsg} that carried some,
 * but may begin it with bytes that were sent before: the descriptors that come with a read are those of the last
 * message that begins in it, when the peer sends each message with one call.
 */
public final class UnixSocket implements AutoCloseable {
    /** What {@link #receive} returns at the end of the stream. */
    public static final int END = -1;

    private static final int MSG_CTRUNC = 0x8;
    private static final int MSG_DONTWAIT = 0x40;
    private static final int MSG_NOSIGNAL = 0x4000;
    private static final int MSG_CMSG_CLOEXEC = 0x4000_0000;

    private static final MethodHandle CONNECT =
            Libc.function("connect", FunctionDescriptor.of(JAVA_INT, JAVA_INT, ADDRESS, JAVA_INT));
    private static final MethodHandle SOCKETPAIR =
            Libc.function("socketpair", FunctionDescriptor.of(JAVA_INT, JAVA_INT, JAVA_INT, JAVA_INT, ADDRESS));

    /**
     * sendmsg(2) and recvmsg(2) by number. Their message holds the buffer's address as a mere number; syscall(2) takes
     * up to six arguments and the kernel ignores those too many, so the buffer goes along as the last one, for its
     * arena to be held during the call like that of any segment: memory that is unmapped meanwhile stays until the call
     * is back.
     */
    private static final MethodHandle SYSCALL = Libc.variadic(
            "syscall", 1, FunctionDescriptor.of(JAVA_LONG, JAVA_LONG, JAVA_LONG, ADDRESS, JAVA_LONG, ADDRESS));

    private static final long SYS_RECVMSG = Arch.CURRENT.sysRecvmsg;
    private static final long SYS_SENDMSG = Arch.CURRENT.sysSendmsg;

    private final Fd fd;
    private final int number;
    private final int maxFds;

    // The errno segments are what each call holds while it is inside; the messages live on, for the descriptors that
    // come
    // with the very last receive to be found (and closed) even when the socket is closed before it is back.
    private final CallArena arena = new CallArena();
    private final MemorySegment receiveState = arena.allocate(Libc.STATE);
    private final MemorySegment sendState = arena.allocate(Libc.STATE);
    private final MemorySegment shutdownState = arena.allocate(Libc.STATE);
    private final MsgHdr received;
    private final MsgHdr sent;

    /** Whoever gets a list out of here owns its descriptors: the taker, the next receive, or the close. */
    private final AtomicReference<List<Fd>> receivedFds = new AtomicReference<>(List.of());

    private UnixSocket(Fd fd, int maxFds) {
        this.fd = fd;
        this.number = fd.number();
        this.maxFds = maxFds;
        Arena collected = Arena.ofAuto();
        this.received = new MsgHdr(collected, maxFds);
        this.sent = new MsgHdr(collected, maxFds);
    }

    /**
     * Takes over a connected stream socket.
     *
     * @param maxFds the most descriptors that one message may carry, 0 to 253
     */
    public static UnixSocket adopt(Fd fd, int maxFds) {
        ScmRights.requireMaxFds(maxFds);
        return new UnixSocket(fd.move(), maxFds);
    }

    /**
     * Connects to a socket that somebody listens on.
     *
     * @param maxFds the most descriptors that one message may carry, 0 to 253
     * @throws LinuxException ENOENT: no such path; ECONNREFUSED: nobody listens; EACCES: no permission; ENAMETOOLONG:
     *     see {@link UnixServerSocket#MAX_PATH}
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

    /** Two sockets that are connected to each other. */
    public record Pair(UnixSocket first, UnixSocket second) implements AutoCloseable {
        /** Closes both. */
        @Override
        public void close() {
            first.close();
            second.close();
        }
    }

    /** Makes a {@link Pair}. */
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

    /** Who is at the other end. */
    public PeerCredentials peerCredentials() throws LinuxException {
        return Sockets.peerCredentials(fd);
    }

    /** How long {@link #receive} waits before it returns 0; zero is for ever, and the default. */
    public void setReceiveTimeout(Duration timeout) throws LinuxException {
        Sockets.setTimeout(fd, Sockets.SO_RCVTIMEO, timeout);
    }

    /** How long {@link #send} waits for room before it fails with ETIMEDOUT; zero is for ever, and the default. */
    public void setSendTimeout(Duration timeout) throws LinuxException {
        Sockets.setTimeout(fd, Sockets.SO_SNDTIMEO, timeout);
    }

    /**
     * Receives what has come, if anything.
     *
     * @return as {@link #receive}, 0 if there is nothing
     */
    public long tryReceive(MemorySegment buffer, long offset, long length) throws LinuxException {
        return receiveOnce(buffer, offset, length, MSG_DONTWAIT);
    }

    /**
     * Receives what has come, at least one byte; looks a number of times before it blocks. Descriptors that came with
     * the last receive and were not taken are closed.
     *
     * @param buffer native memory
     * @param length the most bytes to receive, at least 1
     * @param spins how often to look before blocking
     * @return the bytes received; {@link #END} when the peer closed, or somebody here did; 0 when the time ran out
     * @throws LinuxException EMFILE: more descriptors came than allowed, or the process is out of them; all that came
     *     are closed. ECONNRESET: the peer closed without having read everything
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
            throw new IllegalArgumentException("no room to receive into");
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
        } catch (LinuxException e) {
            throw e;
        } catch (Throwable t) {
            if (isLate(t)) {
                return END;
            }
            throw Libc.unexpected(t);
        }
    }

    private void keepReceivedFds() throws LinuxException {
        MemorySegment control = received.control();
        int count = ScmRights.count(control, received.controlLength());
        if (count > 0) {
            List<Fd> fds = new ArrayList<>(count);
            for (int i = 0; i < count; i++) {
                fds.add(Fd.of(ScmRights.fd(control, i)));
            }
            receivedFds.set(fds);
        }
        boolean truncated = (received.flags() & MSG_CTRUNC) != 0;
        if (truncated || arena.isClosing()) { // pairs with the order in close()
            closeReceivedFds();
        }
        if (truncated) {
            throw new LinuxException(
                    "recvmsg",
                    LinuxErrno.EMFILE,
                    "a message carried more than " + maxFds + " descriptors, or the process has no more");
        }
    }

    /** Takes over the descriptors that came with the last receive, in order. */
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
     * Sends all bytes, waiting for room as needed; the descriptors go with the first of them.
     *
     * @param buffer native memory
     * @param length how many bytes; at least 1 where there are descriptors
     * @param fds at most {@code maxFds}; they stay the caller's
     * @throws LinuxException EPIPE, ECONNRESET: the peer closed, or somebody here did; ETIMEDOUT: see
     *     {@link #setSendTimeout}; EBADF: a descriptor is closed. An unknown part of the bytes may have been sent
     */
    public void send(MemorySegment buffer, long offset, long length, List<Fd> fds) throws LinuxException {
        Objects.checkFromIndexSize(offset, length, buffer.byteSize());
        if (fds.size() > maxFds || (length == 0 && !fds.isEmpty())) {
            throw new IllegalArgumentException(
                    fds.size() + " descriptors with " + length + " bytes, at most " + maxFds);
        }
        try {
            long controlLength = 0;
            if (!fds.isEmpty()) {
                ScmRights.write(sent.control(), fds);
                controlLength = ScmRights.length(fds.size());
            }
            long done = 0;
            while (done < length) {
                sent.prepare(buffer, offset + done, length - done, controlLength);
                long n = (long) SYSCALL.invokeExact(
                        sendState, SYS_SENDMSG, (long) number, sent.header(), (long) MSG_NOSIGNAL, buffer);
                if (n >= 0) {
                    done += n;
                    controlLength = 0; // the peer has them
                    continue;
                }
                int errno = Libc.errno(sendState);
                if (errno != LinuxErrno.EINTR) {
                    throw new LinuxException("sendmsg", errno == LinuxErrno.EAGAIN ? LinuxErrno.ETIMEDOUT : errno);
                }
            }
        } catch (LinuxException e) {
            throw e;
        } catch (Throwable t) {
            if (isLate(t)) {
                throw new LinuxException("sendmsg", LinuxErrno.EPIPE);
            }
            throw Libc.unexpected(t);
        }
    }

    /**
     * Ends the connection in both directions: the peer and the threads that receive or send here see the end. The
     * descriptor stays until {@link #close}. Idempotent.
     */
    public void shutdown() {
        shutdown(Sockets.SHUT_RDWR);
    }

    /**
     * Takes no more from the peer, who gets EPIPE for what he sends from now on: {@link #receive} returns what he has
     * sent already and then the end, {@link #send} works still. Idempotent.
     */
    public void shutdownReceive() {
        shutdown(Sockets.SHUT_RD);
    }

    private void shutdown(int how) {
        try {
            Sockets.shutdown(shutdownState, number, how);
        } catch (IllegalStateException e) {
            if (!isLate(e)) {
                throw e;
            }
        }
    }

    /**
     * Ends the connection, waits until nobody is inside a call, and closes the descriptor and what was received but not
     * taken. Idempotent.
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
     * Gives the descriptor up: this is as if closed, but the connection goes on for whoever has a descriptor of it,
     * which {@link #close} would end for all of them. Nobody may be inside a call.
     *
     * @return the descriptor, which the caller owns now; a closed one if this was closed
     */
    public Fd release() {
        if (arena.beginClose()) {
            arena.close("socket " + fd, this::closeReceivedFds);
        }
        return fd.move();
    }

    /** Whether a call failed because the socket is closed, and not because its caller's buffer is. */
    private boolean isLate(Throwable t) {
        return t instanceof IllegalStateException && arena.isClosing();
    }
}
