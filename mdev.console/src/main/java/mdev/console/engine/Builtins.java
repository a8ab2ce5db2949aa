package mdev.console.engine;

import java.util.ArrayList;
import java.util.List;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.shell.ShellCommand;
import mdev.api.shell.ShellCommand.Candidates;
import mdev.api.shell.ShellCommand.Parameter;
import mdev.api.shell.ShellCommands;
import mdev.api.shell.ShellInvocation;
import mdev.api.shell.ShellResult;
import org.jspecify.annotations.Nullable;

/** The commands of the shell itself. */
final class Builtins implements ShellCommands {
    private static final String SCOPE = "console";

    private final Catalogue commands;

    Builtins(Catalogue commands) {
        this.commands = commands;
    }

    @Override
    public List<ShellCommand> commands() {
        Candidates names = (_, _) -> commands.all().stream().map(Usage::name).toList();
        return List.of(
                ShellCommand.of(
                        SCOPE,
                        "help",
                        "list the commands, or explain one",
                        this::help,
                        Parameter.optional("command", names)),
                ShellCommand.of(
                        SCOPE,
                        "exit",
                        "leave the shell; a platform that was started with it ends",
                        this::exit,
                        Parameter.optional("status", Candidates.NONE)));
    }

    private ShellResult help(ShellInvocation invocation) throws ErrnoException {
        if (invocation.arguments().isEmpty()) {
            List<List<@Nullable Object>> rows = new ArrayList<>();
            commands.all().forEach(command -> rows.add(List.of(Usage.line(command), command.summary())));
            return new ShellResult.Listing(List.of("command", "summary"), rows);
        }
        String name = invocation.arguments().getFirst();
        return commands.find(name)
                .map(command -> (ShellResult) new ShellResult.Text(Usage.help(command)))
                .orElseThrow(() -> new ErrnoException(Errno.ENOENT, "no command '" + name + "'"));
    }

    private ShellResult exit(ShellInvocation invocation) throws ErrnoException {
        String status =
                invocation.arguments().isEmpty() ? "0" : invocation.arguments().getFirst();
        if (!status.matches("\\d{1,3}") || Integer.parseInt(status) > 255) {
            throw new ErrnoException(Errno.EINVAL, "no status '" + status + "': 0 to 255");
        }
        ((Invocation) invocation).run().exit(Integer.parseInt(status));
        return ShellResult.DONE;
    }
}
