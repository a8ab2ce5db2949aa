package mdev.console.client;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import mdev.console.control.Frame;
import mdev.console.control.FrameType;
import mdev.console.control.FrameWriter;
import mdev.console.control.Wire;
import mdev.console.shell.Shell;
import mdev.console.shell.UserTerminal;
import mdev.console.shell.UserTerminal.RawMode;
import mdev.sync.Deadline;
import org.jspecify.annotations.Nullable;

/** A client of a running platform: its shell over the control socket, on the terminal of this process. */
final class RemoteShell implements Shell {
    private static final int CHUNK = 8192;
    private static final long COMPLETION_SECONDS = 5;
    private static final Duration READER_ENDS = Duration.ofSeconds(2);

    /** The connection to the platform ended; the outcome of the last line is unknown. */
    static final class GoneException extends RuntimeException {
        private static final long serialVersionUID = 1L;

        GoneException() {
            super("the platform has ended");
        }
    }

    private final Wire wire;
    private final UserTerminal terminal;
    private final Runnable onGone;
    private final FrameWriter writer;
    private final BlockingQueue<Frame> frames = new LinkedBlockingQueue<>();
    /** Marks the end of {@link #frames}; compared by identity. */
    private final Frame gone = Frame.of(FrameType.EOF);

    /** @param onGone runs once when the connection ends */
    RemoteShell(Wire wire, UserTerminal terminal, Runnable onGone) {
        this.wire = wire;
        this.terminal = terminal;
        this.onGone = onGone;
        this.writer = new FrameWriter(wire, "mdev-writer");
        writer.start();
        Thread.ofPlatform().daemon().name("mdev-reader").start(this::receive);
        writer.send(Frame.of(FrameType.DIRECTORY, terminal.directory().toString()));
    }

    private void receive() {
        try {
            for (Frame frame = wire.read(); frame != null; frame = wire.read()) {
                frames.put(frame);
            }
        } catch (IOException | InterruptedException e) {
            // Every error ends the connection.
        }
        frames.add(gone);
        onGone.run();
    }

    void resize(UserTerminal.Size size) {
        writer.send(Frame.resize(size.columns(), size.rows()));
    }

    @Override
    public Outcome run(String line) {
        RawMode raw = RawMode.NONE;
        Thread reader = null;
        writer.send(Frame.of(FrameType.RUN, line));
        try {
            for (Frame frame = next(); ; frame = next()) {
                switch (frame.type()) {
                    case OUT -> terminal.out().write(frame.payload());
                    case ERR -> terminal.err().write(frame.payload());
                    case READ ->
                        reader = Thread.ofPlatform().daemon().name("mdev-input").start(this::send);
                    case RAW -> {
                        raw.close();
                        raw = frame.payload()[0] == 0 ? RawMode.NONE : terminal.rawMode();
                    }
                    case STATUS -> {
                        return new Outcome(frame.numbers().getInt(), frame.payload()[4] != 0);
                    }
                    default -> {
                        // A late answer to an earlier completion.
                    }
                }
            }
        } catch (IOException e) {
            throw new UncheckedIOException("cannot print: " + e.getMessage(), e);
        } finally {
            raw.close();
            stop(reader);
        }
    }

    private Frame next() {
        try {
            Frame frame = frames.take();
            if (frame == gone) {
                frames.add(gone);
                throw new GoneException();
            }
            return frame;
        } catch (InterruptedException e) {
            throw new GoneException();
        }
    }

    /** Sends one chunk of input. Input is read only on demand, so the rest stays for the next reader. */
    private void send() {
        byte[] buffer = new byte[CHUNK];
        try {
            int count = terminal.in().read(buffer);
            writer.send(count < 0 ? Frame.of(FrameType.EOF) : new Frame(FrameType.STDIN, Arrays.copyOf(buffer, count)));
        } catch (IOException e) {
            writer.send(Frame.of(FrameType.EOF));
        }
    }

    /** Stops the input reader when the line ends, to release the terminal. */
    private static void stop(@Nullable Thread reader) {
        if (reader != null) {
            reader.interrupt();
            Deadline.in(READER_ENDS).join(reader);
        }
    }

    @Override
    public void interrupt() {
        writer.send(Frame.of(FrameType.INTERRUPT));
    }

    @Override
    public List<Completion> complete(String head) {
        frames.removeIf(frame -> frame.type() == FrameType.CANDIDATES);
        writer.send(Frame.of(FrameType.COMPLETE, head));
        List<Completion> completions = new ArrayList<>();
        try {
            Frame frame = frames.poll(COMPLETION_SECONDS, TimeUnit.SECONDS);
            if (frame == null || frame.type() != FrameType.CANDIDATES) {
                return List.of();
            }
            for (String line : frame.text().lines().toList()) {
                String[] parts = line.split("\t", -1);
                completions.add(new Completion(parts[0], parts[1], parts[2].equals("1")));
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        return completions;
    }

    @Override
    public void close() {
        try {
            wire.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
