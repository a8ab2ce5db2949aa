package vfio.user.shell;

import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;
import mdev.api.errno.Errno;
import mdev.api.errno.ErrnoException;
import mdev.api.shell.ShellCommand;
import mdev.api.shell.ShellCommand.Candidates;
import mdev.api.shell.ShellCommand.Parameter;
import mdev.api.shell.ShellCommands;
import mdev.api.shell.ShellInvocation;
import mdev.api.shell.ShellResult;
import org.osgi.service.component.annotations.Activate;
import org.osgi.service.component.annotations.Component;
import org.osgi.service.component.annotations.Reference;
import vfio.user.VfioUser;
import vfio.user.trace.Trace;
import vfio.user.trace.TraceSwitch;

/** {@code vfio:trace}: every message of a device's client, until Ctrl-C or the removal of the device. */
@Component
public final class TraceCommand implements ShellCommands {
    private static final long LOOK_MILLIS = 200;

    private static final String DMA = "--dma";

    private final VfioUser server;

    @Activate
    public TraceCommand(@Reference VfioUser server) {
        this.server = server;
    }

    @Override
    public List<ShellCommand> commands() {
        return List.of(ShellCommand.of(
                        "vfio",
                        "trace",
                        "shows every message and access of a device's client, or records them in a file",
                        this::run,
                        Parameter.one("uuid", (_, _) -> server.names()),
                        Parameter.optional("file", Candidates.NONE))
                .withFlag(DMA, "show also the device's accesses to the client's memory"));
    }

    private ShellResult run(ShellInvocation invocation) throws ErrnoException, InterruptedException {
        List<String> arguments = invocation.arguments();
        if (arguments.size() > 1 && invocation.flag("--json")) {
            throw new ErrnoException(Errno.EINVAL, "a file records lines, not JSON: leave out --json or the file");
        }
        TraceSwitch device = server.trace(arguments.getFirst().toLowerCase(Locale.ROOT));
        Trace trace = new Trace(invocation.flag(DMA));
        device.start(trace); // started first: a trace that cannot start must not truncate the file of another one
        try {
            if (arguments.size() == 1) {
                follow(trace, invocation.out(), line -> invocation.print(line + "\n", fields(line)));
            } else {
                record(trace, arguments.get(1));
            }
            return ShellResult.DONE;
        } finally {
            device.stop(trace);
        }
    }

    /** A line begins with the time, or with dots if it is about lost lines. */
    private static Map<String, String> fields(String line) {
        int blank = line.indexOf(' ');
        return new TreeMap<>(Map.of("time", line.substring(0, blank), "message", line.substring(blank + 1)));
    }

    private static void record(Trace trace, String name) throws ErrnoException, InterruptedException {
        try (PrintStream file = new PrintStream(Files.newOutputStream(Path.of(name)), false, StandardCharsets.UTF_8)) {
            follow(trace, file, file::println);
            if (file.checkError()) {
                throw new ErrnoException(Errno.EIO, "'" + name + "' contains only a part of the trace");
            }
        } catch (IOException | InvalidPathException e) {
            throw new ErrnoException(Errno.EIO, "'" + name + "' cannot be written: " + e);
        }
    }

    /** Runs until the device is removed, the output fails, or the command is interrupted. */
    private static void follow(Trace trace, PrintStream out, Consumer<String> printer) throws InterruptedException {
        while (!trace.isOver() && !out.checkError()) {
            String line = trace.next(LOOK_MILLIS);
            if (line != null) {
                printer.accept(line);
            }
        }
    }
}
