package mdev.core.shell;

import java.io.PrintStream;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import mdev.api.Uevent;
import mdev.api.shell.ShellCommand;
import mdev.api.shell.ShellInvocation;
import mdev.api.shell.ShellResult;
import mdev.core.MdevCore;

/** {@code mdev:monitor}, as {@code udevadm monitor --property}. */
final class MonitorCommand {
    /** The number of events queued for a slow terminal; further events are lost. */
    private static final int BACKLOG = 4096;

    private final MdevCore core;

    MonitorCommand(MdevCore core) {
        this.core = core;
    }

    List<ShellCommand> commands() {
        return List.of(ShellCommand.of("mdev", "monitor", "prints uevents until Ctrl-C", this::monitor));
    }

    private ShellResult monitor(ShellInvocation invocation) throws InterruptedException {
        BlockingQueue<Uevent> events = new LinkedBlockingQueue<>(BACKLOG);
        PrintStream out = invocation.out();
        try (var _ = core.listen(events::offer)) {
            for (long last = 0; !out.checkError(); ) {
                Uevent event = events.take();
                long number = Long.parseLong(event.env().getOrDefault("SEQNUM", "0"));
                if (last != 0 && number > last + 1) {
                    long lost = number - last - 1;
                    invocation.print("... " + lost + " events lost\n\n", Map.of("LOST", Long.toString(lost)));
                }
                invocation.print(text(event), event.env());
                last = number;
            }
        }
        return ShellResult.DONE;
    }

    private static String text(Uevent event) {
        StringBuilder lines = new StringBuilder("UEVENT " + event.action() + " " + event.devpath() + "\n");
        event.env()
                .forEach((key, value) ->
                        lines.append(key).append('=').append(value).append('\n'));
        return lines.append('\n').toString();
    }
}
