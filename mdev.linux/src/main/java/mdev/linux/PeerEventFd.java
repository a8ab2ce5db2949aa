package mdev.linux;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * An eventfd received from a peer, to signal the peer.
 *
 * <p>It may be blocking or become so at any time, because the flag belongs to the open file, which the peer shares. A
 * {@code write(2)} would then wait for room in a counter that the peer keeps full. A {@link Signaller} therefore
 * signals it, without making the caller wait.
 *
 * <p>Owns its descriptor. {@link #signal} and {@link #close} may be called by any thread at any time, as for {@link
 * EventFd}.
 */
public final class PeerEventFd implements AutoCloseable {
    private static final String PROC_LINK = "anon_inode:[eventfd]";

    private final Signaller signaller;
    private final Fd fd;
    private final CallArena arena;
    private final MemorySegment request;

    private PeerEventFd(Fd fd, Signaller signaller, CallArena arena, MemorySegment request) {
        this.signaller = signaller;
        this.fd = fd;
        this.arena = arena;
        this.request = request;
    }

    /**
     * Takes ownership of an eventfd; on failure it stays with the caller.
     *
     * @throws LinuxException EINVAL: not an eventfd, as {@code eventfd_ctx_fdget()} returns; EBADF: closed; EAGAIN: no
     *     thread is available for the signals
     */
    public static PeerEventFd adopt(Fd fd, Signaller signaller) throws LinuxException {
        fd.accessMode(); // EBADF before any other error
        if (!isEventFd(fd)) {
            throw new LinuxException("eventfd", LinuxErrno.EINVAL, fd + " is not an eventfd");
        }
        CallArena arena = new CallArena();
        try {
            MemorySegment request = signaller.request(arena, fd.number());
            return new PeerEventFd(fd.move(), signaller, arena, request);
        } catch (LinuxException | RuntimeException | Error e) {
            arena.close("the memory of " + fd, () -> {});
            throw e;
        }
    }

    private static boolean isEventFd(Fd fd) {
        try {
            Path link = Files.readSymbolicLink(Path.of("/proc/self/fd", Integer.toString(fd.number())));
            return link.toString().equals(PROC_LINK);
        } catch (IOException e) {
            return false;
        }
    }

    /**
     * Adds 1 to the count, as the kernel's {@code eventfd_signal()}. (With an {@link AioContext}, a full counter goes
     * to its maximum, as in the kernel, and stays there until it is read.) Never blocks, allocates nothing, and does
     * nothing once closed.
     */
    public void signal() {
        if (arena.isClosing()) {
            return;
        }
        try {
            signaller.signal(request);
        } catch (Throwable t) {
            // A late call that found the arena closed is ignored.
            if (!arena.isLate(t)) {
                throw Libc.unexpected(t);
            }
        }
    }

    /** Closes the descriptor as soon as no {@link #signal} uses it. Idempotent. */
    @Override
    public void close() {
        if (arena.beginClose()) {
            signaller.forget(request);
            arena.close("eventfd " + fd, fd::close);
        }
    }
}
