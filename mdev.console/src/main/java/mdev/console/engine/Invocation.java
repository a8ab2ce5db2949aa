package mdev.console.engine;

import java.io.InputStream;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import mdev.api.shell.ShellInvocation;
import mdev.console.shell.UserTerminal;
import org.apache.felix.service.command.Process;
import org.jspecify.annotations.Nullable;

/** One run of a command within a Gogo pipe: its streams are the pipe's, its terminal is the user's. */
record Invocation(Arguments parsed, Process process, Run run) implements ShellInvocation {
    @Override
    public List<String> arguments() {
        return parsed.positional();
    }

    @Override
    public boolean flag(String name) {
        return parsed.flags().contains(name);
    }

    /**
     * The user's input, unless a pipe or a file replaces it. Gogo's wrapper of that input is not used: interrupting a
     * command that reads it would close it permanently, for all later lines.
     */
    @Override
    public InputStream in() {
        return isUsers(0) ? run.terminal().in() : process.in();
    }

    /** Whether a standard stream is the user's. Within a closure in a pipe, Gogo reports the pipe as a terminal. */
    private boolean isUsers(int fd) {
        return process.job().parent() == null && process.isTty(fd);
    }

    /** The columns available to a table: limited on a terminal only. */
    int width() {
        return isUsers(1)
                ? run.terminal().size().map(UserTerminal.Size::columns).orElse(Integer.MAX_VALUE)
                : Integer.MAX_VALUE;
    }

    /** Ends the command with a status but without a message. */
    void fail(int status) {
        process.error(status);
        run.failed(status);
    }

    @Override
    public void print(String text, Map<String, ? extends @Nullable Object> fields) {
        out().print(parsed.json() ? Json.line(fields) : text);
        out().flush();
    }

    @Override
    public PrintStream out() {
        return process.out();
    }

    @Override
    public PrintStream err() {
        return process.err();
    }

    @Override
    public RawTerminal rawTerminal() {
        UserTerminal.RawMode raw = run.terminal().rawMode();
        return new RawTerminal() {
            @Override
            public boolean present() {
                return raw.present();
            }

            @Override
            public void close() {
                raw.close();
            }
        };
    }

    @Override
    public Output run(String line) throws InterruptedException {
        return CapturedLine.run(run, line);
    }

    @Override
    public Path directory() {
        return run.terminal().directory();
    }

    @Override
    public String requester() {
        return run.terminal().name();
    }

    @Override
    public Size size() {
        UserTerminal.Size size = run.terminal().size().orElse(UserTerminal.Size.DEFAULT);
        return new Size(size.columns(), size.rows());
    }
}
