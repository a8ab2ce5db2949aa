package mdev.console.terminal;

import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.util.Optional;
import mdev.console.shell.UserTerminal;

/**
 * The standard streams of the process. JLine is loaded only when there is a terminal and a command needs its size or
 * its raw mode.
 */
public final class StandardStreams implements UserTerminal {
    private final Streams streams = new Streams(
            Pump.of(new FileInputStream(FileDescriptor.in)),
            new FileOutputStream(FileDescriptor.out),
            new FileOutputStream(FileDescriptor.err));

    @Override
    public Streams streams() {
        return streams;
    }

    @Override
    public Optional<Size> size() {
        if (!Tty.interactive()) {
            return Optional.empty();
        }
        try (JLineTerminal terminal = JLineTerminal.open()) {
            return terminal.size();
        }
    }

    @Override
    public RawMode rawMode() {
        if (!Tty.interactive()) {
            return RawMode.NONE;
        }
        JLineTerminal terminal = JLineTerminal.open();
        RawMode raw = terminal.rawMode();
        return () -> {
            raw.close();
            terminal.close();
        };
    }
}
