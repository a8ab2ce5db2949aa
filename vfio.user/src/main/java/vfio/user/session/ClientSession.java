package vfio.user.session;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.linux.Fd;
import mdev.linux.LinuxException;
import mdev.linux.Signaller;
import mdev.linux.UnixSocket;
import org.jspecify.annotations.Nullable;
import vfio.user.wire.Command;
import vfio.user.wire.Message;
import vfio.user.wire.Version;

/**
 * The state of a client: empty until VERSION, then the device, its memory and the channel for memory without a file.
 * Used by the connection's thread.
 */
final class ClientSession implements AutoCloseable {
    private final ServedDevice served;
    private final UnixSocket socket;
    private final SendLock sending;

    /** Held from VERSION on, by the client that uses the device. */
    private final Semaphore turn;

    private final int mostFds;

    private @Nullable Opened opened;
    /** Passed with the answer to VERSION. */
    private @Nullable TwinChannel twin;

    private record Opened(
            VfioFiles device,
            DmaChannel dma,
            RegionAccess access,
            Requests requests,
            MigrationRequests migration,
            ClientMemory memory,
            Signaller signaller) {}

    ClientSession(ServedDevice served, UnixSocket socket, SendLock sending, Semaphore turn, int mostFds) {
        this.served = served;
        this.socket = socket;
        this.sending = sending;
        this.turn = turn;
        this.mostFds = mostFds;
    }

    boolean isOpen() {
        return opened != null;
    }

    /** For region accesses. */
    RegionAccess access() throws ErrnoException {
        return opened().access;
    }

    /** Handles a reply of the client; false if no request matches it. */
    boolean answered(Message reply) {
        return opened != null && opened.dma instanceof ConnectionChannel channel && channel.answered(reply);
    }

    /**
     * Executes a command.
     *
     * @param replyFds receives the descriptors of the answer
     * @return the length of the answer's payload
     */
    int dispatch(@Nullable Command command, Message request, List<Fd> fds, Message reply, List<Fd> replyFds)
            throws ErrnoException {
        if (!request.isCommand()) {
            throw new ErrnoException(Errno.EINVAL, "a reply without a request");
        }
        if (command == null) {
            throw new ErrnoException(Errno.EINVAL, "unknown command " + request.commandNumber());
        }
        return switch (command) {
            case VERSION -> negotiate(request, fds, reply, replyFds);
            case DMA_MAP -> opened().memory.map(request, fds);
            case DMA_UNMAP -> opened().memory.unmap(request, fds, reply);
            case DEVICE_GET_INFO -> opened().requests.getInfo(request, fds, reply);
            case DEVICE_GET_REGION_INFO -> opened().requests.getRegionInfo(request, fds, reply, replyFds);
            case DEVICE_GET_REGION_IO_FDS -> opened().requests.getRegionIoFds(request, fds, reply, replyFds);
            case DEVICE_GET_IRQ_INFO -> opened().requests.getIrqInfo(request, fds, reply);
            case DEVICE_SET_IRQS -> opened().requests.setIrqs(request, fds);
            case REGION_READ -> opened().access.read(request, fds, reply);
            case REGION_WRITE -> opened().access.write(request, fds, reply);
            case REGION_WRITE_MULTI -> opened().access.writeMulti(request, fds, reply);
            case DEVICE_RESET -> opened().requests.reset(request, fds);
            case DEVICE_FEATURE -> opened().requests.feature(request, fds, reply);
            case DMA_READ, DMA_WRITE -> throw new ErrnoException(Errno.EINVAL, command + ": sent by the server only");
            case MIG_DATA_READ -> opened().migration.read(request, fds, reply);
            case MIG_DATA_WRITE -> opened().migration.write(request, fds);
        };
    }

    private Opened opened() throws ErrnoException {
        if (opened == null) {
            throw new ErrnoException(Errno.EINVAL, "the first command must be VERSION");
        }
        return opened;
    }

    private int negotiate(Message request, List<Fd> fds, Message reply, List<Fd> replyFds) throws ErrnoException {
        if (opened != null) {
            throw new ErrnoException(Errno.EINVAL, "VERSION was already sent");
        }
        Version proposed = Version.of(request, fds);
        Version agreed = proposed.agree();
        awaitTurn();
        try {
            opened = open(proposed, agreed, replyFds);
        } finally {
            if (opened == null) {
                turn.release();
            }
        }
        served.counters().connected();
        try {
            socket.setReceiveTimeout(Duration.ZERO); // a device may be idle
        } catch (LinuxException e) {
            throw new ErrnoException(Errno.of(e.errno()), e.toString());
        }
        return agreed.write(reply);
    }

    /** The end of the previous client may not have been detected yet. */
    private void awaitTurn() throws ErrnoException {
        try {
            Duration longest = served.options().get().takeOver();
            if (turn.tryAcquire(longest.toNanos(), TimeUnit.NANOSECONDS)) { // released in close()
                return;
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        throw new ErrnoException(Errno.EBUSY, "another client has the device");
    }

    private Opened open(Version proposed, Version agreed, List<Fd> replyFds) throws ErrnoException {
        VfioFiles device = VfioFiles.open(served.vfio(), served.group(), served.name(), holder()); // closed in close()
        device.device().observeDma(served.trace()::device);
        try {
            DmaChannel dma = channel(agreed, replyFds);
            Signaller signaller = served.signals().begin("vfio-irq-" + served.name()); // ended in close()
            long most = agreed.capabilities().maxDataXferSize();
            MessageDma messages = new MessageDma(dma, agreed.dialect(), most, served);
            MigrationRequests migration = new MigrationRequests(device, dma, most);
            return new Opened(
                    device,
                    dma,
                    new RegionAccess(device, served.counters()),
                    new Requests(
                            device,
                            agreed.dialect(),
                            proposed.capabilities().maxMsgFds(),
                            served,
                            dma,
                            migration,
                            signaller),
                    migration,
                    new ClientMemory(
                            device, messages, dma, (int) agreed.capabilities().maxDmaMaps(), served.limits()),
                    signaller);
        } catch (ErrnoException | RuntimeException | Error e) {
            device.close();
            throw e;
        }
    }

    private DmaChannel channel(Version agreed, List<Fd> replyFds) throws ErrnoException {
        if (!agreed.capabilities().twinSocket()) {
            return new ConnectionChannel(Thread.currentThread(), sending);
        }
        TwinChannel channel = TwinChannel.open(served.answer());
        if (channel.clientFd().number() >= mostFds) {
            channel.close();
            throw new ErrnoException(Errno.EMFILE, ClientLimits.OUT_OF_FDS);
        }
        twin = channel;
        replyFds.add(channel.clientFd());
        return channel;
    }

    private String holder() {
        try {
            return "vfio-user (pid " + socket.peerCredentials().pid() + ")";
        } catch (LinuxException e) {
            return "vfio-user";
        }
    }

    /** Called when descriptors were sent with an answer; the client has its own copies now. */
    void sent(List<Fd> fds) {
        if (twin != null && fds.contains(twin.clientFd())) {
            twin.passed();
        } else {
            fds.forEach(Fd::close);
        }
    }

    /**
     * Releases interrupts, memory and device; the device keeps its state. The socket is shut down first, so that
     * neither the client waits for the release, nor the release for messages to the client; also, QEMU 11.1 aborts on
     * the ECONNRESET of a socket that is closed without a shutdown.
     */
    @Override
    public void close() {
        socket.shutdown();
        Opened last = opened;
        if (last != null) {
            try {
                last.dma.close();
                last.device.close();
            } finally {
                last.signaller.end();
                turn.release();
            }
        }
    }
}
