package vendor.ccwsim.shell;

import java.util.List;
import mdev.api.errno.ErrnoException;
import mdev.api.shell.ShellCommand;
import mdev.api.shell.ShellCommand.Parameter;
import mdev.api.shell.ShellCommands;
import mdev.api.shell.ShellInvocation;
import mdev.api.shell.ShellResult;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Reference;
import vendor.ccwsim.subchannel.Consoles;
import vendor.ccwsim.subchannel.Operator;

/** The commands {@code ccw:*}. */
@Component
public final class CcwCommands implements ShellCommands {
    private final Consoles consoles;

    @Activate
    public CcwCommands(@Reference Consoles consoles) {
        this.consoles = consoles;
    }

    @Override
    public List<ShellCommand> commands() {
        return List.of(ShellCommand.of(
                "ccw",
                "console",
                "types a line into a console, or shows what it has printed",
                this::console,
                Parameter.one("uuid", (words, prefix) -> consoles.names()),
                Parameter.optional("text", ShellCommand.Candidates.NONE)));
    }

    private ShellResult console(ShellInvocation invocation) throws ErrnoException {
        List<String> arguments = invocation.arguments();
        Operator operator = consoles.find(arguments.getFirst());
        if (arguments.size() == 1) {
            return new ShellResult.Text(operator.printed());
        }
        operator.type(arguments.getLast());
        return ShellResult.DONE;
    }
}
