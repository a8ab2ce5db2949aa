package mdev.core.shell;

import java.io.PrintStream;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import mdev.api.Uevent;
import mdev.api.shell.ShellCommand;
import mdev.api.shell.ShellInvocation;
import mdev.api.shell.ShellResult;
import mdev.core.MdevCore;

/** {@code mdev:monitor}, as {@code udevadm monitor --property}. */
final class MonitorCommand {
    private final MdevCore core;

    MonitorCommand(MdevCore core) {
        this.core = core;
    }

    List<ShellCommand> commands() {
        return List.of(new ShellCommand(
                "mdev", "monitor", "prints uevents until Ctrl-C", List.of(), List.of(), this::monitor));
    }

    private ShellResult monitor(ShellInvocation invocation) throws InterruptedException {
        BlockingQueue<Uevent> events = new LinkedBlockingQueue<>();
        PrintStream out = invocation.out();
        try (var _ = core.listen(events::add)) {
            while (!out.checkError()) {
                print(out, events.take());
            }
        }
        return ShellResult.DONE;
    }

    private static void print(PrintStream out, Uevent event) {
        StringBuilder lines = new StringBuilder("UEVENT " + event.action() + " " + event.devpath() + "\n");
        event.env()
                .forEach((key, value) ->
                        lines.append(key).append('=').append(value).append('\n'));
        out.println(lines);
        out.flush();
    }
}
