package mdev.console.terminal;

import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Path;
import mdev.console.shell.UserTerminal;

/**
 * The standard streams of the process. JLine is loaded only when there is a terminal and a command needs its size or
 * its raw mode.
 */
public final class StandardStreams implements UserTerminal {
    private final InputStream in = Pump.of(new FileInputStream(FileDescriptor.in));
    private final OutputStream out = new FileOutputStream(FileDescriptor.out);
    private final OutputStream err = new FileOutputStream(FileDescriptor.err);

    @Override
    public InputStream in() {
        return in;
    }

    @Override
    public OutputStream out() {
        return out;
    }

    @Override
    public OutputStream err() {
        return err;
    }

    @Override
    public Size size() {
        if (!Tty.interactive()) {
            return Size.DEFAULT;
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
        return new RawMode() {
            @Override
            public boolean present() {
                return raw.present();
            }

            @Override
            public void close() {
                raw.close();
                terminal.close();
            }
        };
    }

    @Override
    public Path directory() {
        return Path.of("").toAbsolutePath();
    }
}
