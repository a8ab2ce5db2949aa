package mdev.console.engine;

import java.io.PrintStream;
import java.util.List;
import java.util.Set;
import mdev.api.errno.ErrnoException;
import mdev.api.shell.ShellCommand;
import mdev.api.shell.ShellResult;
import mdev.console.shell.Shell;
import mdev.console.shell.Shell.Outcome;
import mdev.console.shell.UserTerminal;
import mdev.console.terminal.StandardStreams;
import org.apache.felix.service.command.CommandSession;
import org.apache.felix.service.command.Function;
import org.apache.felix.service.command.Process;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Adapts a declared command to Gogo. Every failure is one line on standard error and a status. Nothing is thrown to
 * Gogo, which would drop the rest of the line.
 */
final class CommandFunction implements Function {
    private static final Logger LOG = LoggerFactory.getLogger(CommandFunction.class);

    private final ShellCommand command;

    CommandFunction(ShellCommand command) {
        this.command = command;
    }

    @Override
    public @Nullable Object execute(CommandSession session, List<Object> words) {
        Process process = Process.Utils.current();
        Run attached = Run.of(session);
        Run run = attached == null ? new Run(new StandardStreams(), CommandFunction::noShell, Set::of) : attached;
        int status = execute(run, process, words.stream().map(String::valueOf).toList());
        process.out().flush();
        process.err().flush();
        if (status != 0) {
            process.error(status);
            run.failed(status);
        }
        return null;
    }

    private static Shell noShell(UserTerminal terminal) {
        throw new IllegalStateException("not in a shell of this platform");
    }

    private int execute(Run run, Process process, List<String> words) {
        PrintStream err = process.err();
        String name = Usage.name(command);
        try {
            Arguments arguments = Arguments.parse(command, words);
            if (arguments.help()) {
                process.out().print(Usage.help(command));
                return 0;
            }
            run.enter();
            try {
                Invocation invocation = new Invocation(arguments, process, run);
                ShellResult result = command.action().run(invocation);
                process.out()
                        .print(arguments.json() ? Json.render(result) : PlainText.render(result, invocation.width()));
            } finally {
                run.leave();
            }
            return 0;
        } catch (Arguments.WrongArguments e) {
            err.println(name + ": " + e.getMessage() + "; usage: " + Usage.line(command));
            return Outcome.USAGE;
        } catch (ErrnoException e) {
            err.println(name + ": " + Failures.line(e));
            return Outcome.FAILED;
        } catch (InterruptedException e) {
            return Outcome.INTERRUPTED;
        } catch (RuntimeException | LinkageError e) {
            // Not logged as an error: it would appear on the terminal next to the line below.
            LOG.info("{} failed", name, e);
            err.println(name + ": failed: " + Failures.reason(e) + " (the log says more)");
            return Outcome.FAILED;
        }
    }
}
