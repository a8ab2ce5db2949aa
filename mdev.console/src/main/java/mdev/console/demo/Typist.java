package mdev.console.demo;

import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.function.Function;
import mdev.console.demo.Transcript.Failure;
import mdev.console.shell.Shell;
import mdev.console.shell.UserTerminal;

/** Types commands into a shell of its own, as a user would, and reads what they print. */
final class Typist implements UserTerminal, AutoCloseable {
    private final Transcript transcript;
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final ByteArrayOutputStream err = new ByteArrayOutputStream();
    private final Shell shell;

    Typist(Transcript transcript, Function<UserTerminal, Shell> shells) {
        this.transcript = transcript;
        this.shell = shells.apply(this);
    }

    /**
     * Runs a line, and shows it with its output.
     *
     * @return the output
     * @throws Failure the line failed
     */
    String type(String line) throws Failure, InterruptedException {
        transcript.typed(line);
        String output = run(line);
        transcript.shown(output);
        return output;
    }

    /** Runs a line that must be refused, and shows it with the complaint. */
    void typeInVain(String line) throws Failure, InterruptedException {
        transcript.typed(line);
        int status = shell.run(line).status();
        transcript.shown(take(err));
        if (Thread.interrupted()) {
            throw new InterruptedException();
        }
        if (status == 0) {
            throw new Failure("'" + line + "' should have failed");
        }
    }

    /** Runs a line without showing it. */
    String run(String line) throws Failure, InterruptedException {
        Shell.Outcome outcome = shell.run(line);
        String complaint = take(err);
        if (Thread.interrupted()) {
            throw new InterruptedException();
        }
        if (outcome.status() != 0) {
            throw new Failure(complaint.strip());
        }
        return take(out);
    }

    private static String take(ByteArrayOutputStream stream) {
        String text = stream.toString(StandardCharsets.UTF_8);
        stream.reset();
        return text;
    }

    @Override
    public InputStream in() {
        return InputStream.nullInputStream();
    }

    @Override
    public OutputStream out() {
        return out;
    }

    @Override
    public OutputStream err() {
        return err;
    }

    @Override
    public Size size() {
        return Size.DEFAULT;
    }

    @Override
    public RawMode rawMode() {
        return RawMode.NONE;
    }

    @Override
    public Path directory() {
        return Path.of("").toAbsolutePath();
    }

    @Override
    public void close() {
        shell.close();
    }
}
