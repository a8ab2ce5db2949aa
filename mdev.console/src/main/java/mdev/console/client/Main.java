package mdev.console.client;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicBoolean;
import mdev.console.control.Wire;
import mdev.console.terminal.InteractiveShell;
import mdev.console.terminal.JLineTerminal;
import mdev.console.terminal.PipedShell;
import mdev.console.terminal.StandardStreams;
import mdev.console.terminal.Tty;
import org.jline.terminal.Terminal.Signal;

/**
 * Attaches to the platform behind a control socket: {@code Main SOCKET} for a shell, {@code Main SOCKET -c 'CMD; CMD'}
 * for one line. The exit status is the line's, or {@link #UNAVAILABLE}.
 */
public final class Main {
    /** {@code EX_UNAVAILABLE} of {@code <sysexits.h>}: no platform listens on the socket. */
    private static final int UNAVAILABLE = 69;

    private static final int USAGE = 64;

    private Main() {}

    public static void main(String[] args) {
        System.exit(run(args));
    }

    private static int run(String[] args) {
        boolean command = args.length == 3 && args[1].equals("-c");
        if (args.length != 1 && !command) {
            System.err.println("usage: Main SOCKET [-c CMD]");
            return USAGE;
        }
        Path socket = Path.of(args[0]);
        Wire wire;
        try {
            wire = Wire.connect(socket);
        } catch (IOException | IllegalArgumentException e) {
            System.err.println("mdev: no platform answers on " + socket + ": " + e.getMessage());
            return UNAVAILABLE;
        }
        try {
            return command ? one(wire, args[2]) : Tty.interactive() ? interactive(wire) : piped(wire);
        } catch (RemoteShell.GoneException | IOException | UncheckedIOException e) {
            System.err.println("mdev: " + e.getMessage());
            return 1;
        }
    }

    private static int one(Wire wire, String line) {
        StandardStreams streams = new StandardStreams();
        try (RemoteShell shell = new RemoteShell(wire, streams, () -> {})) {
            streams.size().ifPresent(shell::resize);
            return shell.run(line).status();
        }
    }

    private static int piped(Wire wire) throws IOException {
        StandardStreams streams = new StandardStreams();
        try (RemoteShell shell = new RemoteShell(wire, streams, () -> {})) {
            return new PipedShell(shell, streams.in(), () -> false).run();
        }
    }

    private static int interactive(Wire wire) {
        AtomicBoolean gone = new AtomicBoolean();
        Thread main = Thread.currentThread();
        try (JLineTerminal terminal = JLineTerminal.open();
                RemoteShell shell = new RemoteShell(wire, terminal, () -> {
                    gone.set(true);
                    main.interrupt();
                })) {
            terminal.size().ifPresent(shell::resize);
            terminal.jline().handle(Signal.WINCH, _ -> terminal.size().ifPresent(shell::resize));
            int status = new InteractiveShell(shell, terminal, gone::get).run();
            if (gone.get()) {
                throw new RemoteShell.GoneException();
            }
            return status;
        }
    }
}
