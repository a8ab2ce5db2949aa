package vfio.user.session;

import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Semaphore;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.linux.Fd;
import mdev.linux.LinuxException;
import mdev.linux.Mapping;
import mdev.linux.UnixSocket;
import mdev.sync.Deadline;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import vfio.user.wire.Command;
import vfio.user.wire.Message;
import vfio.user.wire.Version;

/**
 * A client's connection: one thread receives, executes and answers each message in turn. A region access costs two
 * system calls here, takes no lock and allocates nothing.
 */
public final class Connection implements Runnable {
    private static final Logger LOG = LoggerFactory.getLogger(Connection.class);

    /** The maximum number of messages to the client that an answer waits for, each at the slowest permitted rate. */
    private static final int ANSWERS = 16;

    private final ServedDevice device;
    private final UnixSocket socket;
    private final SendLock sending;
    private final Semaphore turn;

    /**
     * The kernel assigns the lowest free number, so descriptors from this number on are reserved for the rest of the
     * process.
     */
    private final int mostFds;

    /** Whether VERSION was agreed on. */
    private volatile boolean agreed;

    private volatile boolean cut;

    /** Whether the message is followed by an access, whose answer can be sent together with its own. */
    private boolean followed;

    /** Why the last message was rejected, for traces and logs, which show more than the errno. */
    private @Nullable ErrnoException refusal;

    /**
     * @param socket closed when the connection ends
     * @param turn has one permit, for the client that uses the device
     */
    public Connection(ServedDevice device, UnixSocket socket, Semaphore turn) {
        this.device = device;
        this.socket = socket;
        this.turn = turn;
        this.mostFds = Fd.limit(device.limits().reserved());
        this.sending = new SendLock(socket, device.answer().multipliedBy(ANSWERS));
    }

    /**
     * Stops receiving from the client. Messages already sent are answered, because the client waits for the answers
     * (QEMU for 5 s); then {@link #run} returns, unless a call into the vendor hangs. Thread-safe.
     */
    public void end() {
        socket.shutdownReceive();
    }

    /** Ends the connection even if the client does not receive its answers. Thread-safe. */
    public void cut() {
        cut = true;
        socket.shutdown();
    }

    /** Whether no version is agreed yet, so that the connection may be cut for another client. Thread-safe. */
    public boolean isWaiting() {
        return !agreed && !cut;
    }

    /** Serves the client until it disconnects or is cut. */
    @Override
    public void run() {
        device.trace().event("client connected");
        try (socket;
                Arena arena = Arena.ofConfined();
                Inbox inbox = new Inbox(socket, arena, device.spinning(), device.quarantine());
                ClientSession session = new ClientSession(device, socket, sending, turn, mostFds)) {
            socket.setSendTimeout(device.answer());
            Deadline version = Deadline.in(device.options().get().version());
            Message reply = new Message(Mapping.anonymous(Message.MAX_SIZE, arena));
            do {
                for (Inbox.Found found = inbox.next(); found != Inbox.Found.NOTHING; found = inbox.next()) {
                    followed = found == Inbox.Found.MESSAGE && inbox.precedesAccess();
                    serve(session, inbox.message(), found, inbox.takeFds(), reply);
                    inbox.done(found);
                }
                if (session.isOpen()) {
                    agreed = true;
                } else if (version.hasPassed()) {
                    break;
                } else {
                    socket.setReceiveTimeout(version.remaining()); // reset once the session is open
                }
            } while (sending.awaitInput(agreed ? device.answer() : version.remaining()) && inbox.receive());
            sending.finish();
        } catch (LinuxException e) {
            device.log().ended(e);
        } catch (RuntimeException | Error e) {
            LOG.error("device {}: the connection failed", device.name(), e);
        } finally {
            device.trace().event("client gone");
        }
    }

    /** @param came the descriptors of the message; closed here unless the command takes them */
    private void serve(ClientSession session, Message request, Inbox.Found found, Inbox.Batch came, Message reply)
            throws LinuxException {
        List<Fd> fds = came.fds();
        long begun = device.trace().begin();
        List<Fd> replyFds = List.of();
        int length = 0;
        refusal = null;
        try {
            if (session.isOpen()) {
                device.counters().message();
            }
            if (found == Inbox.Found.BAD_SIZE) {
                throw new ErrnoException(Errno.EINVAL, "a message of " + request.size() + " bytes");
            }
            checkFds(fds, came.lost());
            if (fds.size() > Version.MAX_MSG_FDS) {
                throw new ErrnoException(
                        Errno.EINVAL, fds.size() + " descriptors, a message carries at most " + Version.MAX_MSG_FDS);
            }
            if (came.foreign() != null) {
                throw new ErrnoException(
                        Errno.EINVAL, "the client's file " + came.foreign() + " is one that another process serves");
            }
            Command command = Command.of(request.commandNumber());
            if (command == Command.REGION_READ && session.isOpen() && request.isCommand()) {
                length = session.access().read(request, fds, reply);
            } else if (command == Command.REGION_WRITE && session.isOpen() && request.isCommand()) {
                length = session.access().write(request, fds, reply);
            } else if (request.isReply() && session.answered(request)) {
                return;
            } else {
                replyFds = new ArrayList<>(1);
                length = session.dispatch(command, request, fds, reply, replyFds);
                checkFds(replyFds, false);
            }
        } catch (ErrnoException e) {
            refused(request, e);
        } catch (RuntimeException | Error e) {
            device.log().failed(request.commandNumber(), e);
            refused(request, new ErrnoException(Errno.EIO, "the server failed"));
        } finally {
            if (!fds.isEmpty()) {
                fds.forEach(Fd::close);
            }
        }
        try {
            answer(begun, request, reply, length, replyFds);
        } finally {
            if (!replyFds.isEmpty()) {
                session.sent(replyFds);
            }
        }
    }

    /** Checks descriptors that were received or created for the client. */
    private void checkFds(List<Fd> fds, boolean lost) throws ErrnoException {
        if (lost || (!fds.isEmpty() && fds.getLast().number() >= mostFds)) {
            throw new ErrnoException(Errno.EMFILE, ClientLimits.OUT_OF_FDS);
        }
    }

    private void answer(long begun, Message request, Message reply, int length, List<Fd> fds) throws LinuxException {
        ErrnoException failure = refusal;
        if (failure == null) {
            reply.reply(request.id(), request.commandNumber(), length);
        } else {
            reply.error(request.id(), request.commandNumber(), failure.errno().number());
        }
        // Before the client receives the answer, so that the trace shows this command before its consequences.
        device.trace().command(begun, request, reply, failure);
        if (request.wantsReply()) {
            sending.answer(reply.buffer(), reply.size(), failure == null ? fds : List.of(), followed);
        }
    }

    private void refused(Message request, ErrnoException e) {
        refusal = e;
        device.counters().error(e.errno());
        device.log().refused(request.commandNumber(), e);
    }
}
