package mdev.console.control;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import mdev.console.shell.DemandInput;
import mdev.console.shell.Shell;
import mdev.console.shell.UserTerminal;
import mdev.sync.BoundedCalls;
import mdev.sync.Deadline;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One client, served by three threads: one reads its frames, one runs its lines and completions in turn, and one
 * writes. So a command can be interrupted while the client sends nothing, and also while it prints: on the socket
 * itself, an interrupt would close the connection.
 */
final class ControlSession implements UserTerminal {
    private static final Logger LOG = LoggerFactory.getLogger(ControlSession.class);
    private static final Duration GRACE = Duration.ofMillis(300);
    private static final Duration PAUSE = Duration.ofMillis(100);
    private static final Duration INTERRUPTING = Duration.ofSeconds(3);
    private static final Duration FINISHING = Duration.ofSeconds(2);

    /** Marks the end of {@link #work}; compared by identity. */
    private final Frame end = Frame.of(FrameType.EOF);

    private final int number;
    private final Wire wire;
    private final Consumer<ControlSession> closed;
    private final Shell shell;
    private final Supplier<ControlLimits> limits;
    private final BlockingQueue<Frame> work = new LinkedBlockingQueue<>();
    private final FrameWriter writer;
    private final DemandInput in;
    private final Streams streams;

    /** Whether a READ is unanswered. */
    private final AtomicBoolean asked = new AtomicBoolean();

    private final Thread reader;
    private final Thread worker;

    private volatile Optional<Size> size = Optional.empty();
    private volatile Path directory = Path.of("").toAbsolutePath();

    /** No more work is started: the client has disconnected, or is being disconnected. */
    private volatile boolean ended;

    /** @param closed called when the session has ended */
    ControlSession(
            Wire wire,
            Function<UserTerminal, Shell> shells,
            Supplier<ControlLimits> limits,
            int number,
            Consumer<ControlSession> closed) {
        String name = "mdev-control-" + number;
        this.number = number;
        this.wire = wire;
        this.limits = limits;
        this.closed = closed;
        this.writer = new FrameWriter(wire, name + "-writer");
        this.in = new DemandInput(() -> {
            asked.set(true);
            writer.send(Frame.of(FrameType.READ));
        });
        this.streams = new Streams(in, writer.stream(FrameType.OUT), writer.stream(FrameType.ERR));
        this.shell = shells.apply(this);
        this.worker = Thread.ofPlatform().daemon().name(name).unstarted(this::work);
        this.reader = Thread.ofPlatform().daemon().name(name + "-reader").unstarted(this::read);
    }

    void start() {
        writer.start();
        worker.start();
        reader.start();
    }

    private void read() {
        try {
            for (Frame frame = wire.read(); frame != null; frame = wire.read()) {
                accept(frame);
            }
        } catch (Wire.ProtocolException e) {
            LOG.warn("{}: {}", reader.getName(), e.getMessage());
            writer.send(Frame.of(FrameType.ERR, "mdev: protocol error: " + e.getMessage() + "\n"));
        } catch (IOException e) {
            LOG.debug("{}: the connection broke", reader.getName(), e);
        }
        in.end();
        if (!ended) {
            close(List.of(this));
        }
        closed.accept(this);
    }

    private void accept(Frame frame) throws Wire.ProtocolException {
        switch (frame.type()) {
            case RUN, COMPLETE -> {
                int most = limits.get().lines();
                if (work.size() >= most) {
                    throw new Wire.ProtocolException(most + " lines wait already (mdev.console.maxQueuedLines)");
                }
                work.add(frame);
            }
            case STDIN -> {
                if (!asked.getAndSet(false)) {
                    throw new Wire.ProtocolException("input that was not asked for");
                }
                in.offer(frame.payload());
            }
            case EOF -> {
                asked.set(false);
                in.end();
            }
            case INTERRUPT -> shell.interrupt();
            case RESIZE -> {
                ByteBuffer numbers = frame.numbers();
                int columns = numbers.getInt();
                int rows = numbers.getInt();
                size = Optional.of(columns > 0 && rows > 0 ? new Size(columns, rows) : Size.DEFAULT);
            }
            case DIRECTORY -> {
                try {
                    directory = directory.resolve(frame.text());
                } catch (InvalidPathException e) {
                    throw new Wire.ProtocolException("no directory: " + e.getReason());
                }
            }
            default -> throw new Wire.ProtocolException("frame type " + frame.type() + " from a client");
        }
    }

    private void work() {
        try (shell) {
            for (Frame frame = work.take(); frame != end && !ended; frame = work.take()) {
                writer.answer(frame.type() == FrameType.RUN ? run(frame.text()) : complete(frame.text()));
            }
        } catch (InterruptedException e) {
            LOG.debug("{} ends", worker.getName());
        }
    }

    private Frame run(String line) {
        in.reopen();
        try {
            Shell.Outcome outcome = shell.run(line);
            return Frame.status(outcome.status(), outcome.exit());
        } catch (RuntimeException e) {
            LOG.error("{}: {}", worker.getName(), line, e);
            writer.send(Frame.of(FrameType.ERR, "mdev: the shell failed: " + e.getMessage() + "\n"));
            return Frame.status(Shell.Outcome.FAILED, false);
        }
    }

    private Frame complete(String head) {
        return Frame.of(
                FrameType.CANDIDATES,
                shell.complete(head).stream()
                        .map(word -> word.value() + "\t" + word.description() + "\t" + (word.open() ? "1" : "0"))
                        .collect(Collectors.joining("\n")));
    }

    /**
     * Ends the work of sessions: gives running lines a short grace period to end, then interrupts them until they end.
     * A command that does not end is left behind.
     */
    private static void endWork(Collection<ControlSession> sessions) {
        for (ControlSession session : sessions) {
            session.ended = true;
            session.work.add(session.end);
        }
        Deadline grace = Deadline.in(GRACE);
        sessions.forEach(session -> grace.join(session.worker));
        Deadline deadline = Deadline.in(INTERRUPTING);
        while (!deadline.hasPassed() && sessions.stream().anyMatch(session -> session.worker.isAlive())) {
            sessions.forEach(session -> session.worker.interrupt());
            Deadline pause = deadline.atMost(PAUSE);
            sessions.forEach(session -> pause.join(session.worker));
        }
        for (ControlSession session : sessions) {
            if (session.worker.isAlive()) {
                LOG.warn(
                        "{}: left behind a command that does not end",
                        session.worker.getName(),
                        BoundedCalls.stackOf(session.worker));
            }
        }
    }

    /**
     * Called when the platform ends: interrupts the clients' lines, sends each client the outcome of its line, and
     * closes the connections, all within one deadline.
     */
    static void close(Collection<ControlSession> sessions) {
        endWork(sessions);
        sessions.forEach(session -> session.writer.finish());
        Deadline deadline = Deadline.in(FINISHING);
        for (ControlSession session : sessions) {
            session.writer.await(deadline);
            try {
                session.wire.close();
            } catch (IOException e) {
                LOG.debug("{}: closing", session.reader.getName(), e);
            }
        }
    }

    @Override
    public Streams streams() {
        return streams;
    }

    @Override
    public Optional<Size> size() {
        return size;
    }

    @Override
    public String name() {
        return "client " + number + " of the control socket";
    }

    @Override
    public Path directory() {
        return directory;
    }

    @Override
    public RawMode rawMode() {
        if (size.isEmpty()) {
            return RawMode.NONE;
        }
        writer.send(Frame.raw(true));
        return () -> writer.send(Frame.raw(false));
    }
}
