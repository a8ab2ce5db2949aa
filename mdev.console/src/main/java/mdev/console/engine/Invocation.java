package mdev.console.engine;

import java.io.InputStream;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.List;
import mdev.api.shell.ShellInvocation;
import mdev.console.shell.UserTerminal;
import org.apache.felix.service.command.Process;

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
        // Within a closure in a pipe, Gogo reports the pipe as a terminal.
        boolean users = process.job().parent() == null && process.isTty(0);
        return users ? run.terminal().in() : process.in();
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
        UserTerminal.Size size = run.terminal().size();
        return new Size(size.columns(), size.rows());
    }
}
