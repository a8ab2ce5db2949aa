package mdev.console.terminal;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import mdev.console.shell.UserTerminal;
import org.jline.terminal.Attributes;
import org.jline.terminal.Terminal;
import org.jline.terminal.TerminalBuilder;
import org.jspecify.annotations.Nullable;

/**
 * The terminal that the process runs on. Commands write to the file descriptors themselves: nothing then waits in a
 * buffer for a flush, and an error stream that goes elsewhere still does.
 */
public final class JLineTerminal implements UserTerminal, AutoCloseable {
    private final Terminal terminal;
    private final OutputStream out = new FileOutputStream(FileDescriptor.out);
    private final OutputStream err = new FileOutputStream(FileDescriptor.err);

    /** A terminal that does not know its size, as a new pseudo terminal or a serial line, gets the usual one. */
    JLineTerminal(Terminal terminal) {
        this.terminal = terminal;
        if (terminal.getColumns() <= 0 || terminal.getRows() <= 0) {
            terminal.setSize(org.jline.terminal.Size.of(Size.DEFAULT.columns(), Size.DEFAULT.rows()));
        }
    }

    /** Pairs with {@link #close}. */
    public static JLineTerminal open() {
        try {
            return new JLineTerminal(TerminalBuilder.builder()
                    .name("mdev")
                    .system(true)
                    .provider("ffm")
                    .dumb(true)
                    .graphemeCluster(false)
                    .env(JLineTerminal::environment)
                    .build());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /**
     * JLine asks terminals what they can, and takes an answer that comes later than 200 ms, as over a slow line, for
     * typing. Of this one's kind it knows that it must not be asked.
     */
    private static @Nullable String environment(String name) {
        return name.equals("TERM_PROGRAM") ? "Apple_Terminal" : System.getenv(name);
    }

    public Terminal jline() {
        return terminal;
    }

    @Override
    public InputStream in() {
        return terminal.input();
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
        return new Size(terminal.getColumns(), terminal.getRows());
    }

    @Override
    public RawMode rawMode() {
        Attributes saved = terminal.getAttributes();
        Attributes raw = new Attributes(saved);
        raw.setLocalFlags(
                java.util.EnumSet.of(
                        Attributes.LocalFlag.ICANON,
                        Attributes.LocalFlag.ECHO,
                        Attributes.LocalFlag.ISIG,
                        Attributes.LocalFlag.IEXTEN),
                false);
        raw.setInputFlags(
                java.util.EnumSet.of(Attributes.InputFlag.ICRNL, Attributes.InputFlag.INLCR, Attributes.InputFlag.IXON),
                false);
        raw.setOutputFlag(Attributes.OutputFlag.OPOST, false);
        raw.setControlChar(Attributes.ControlChar.VMIN, 1);
        raw.setControlChar(Attributes.ControlChar.VTIME, 0);
        terminal.setAttributes(raw);
        return new RawMode() {
            @Override
            public boolean present() {
                return true;
            }

            @Override
            public void close() {
                terminal.setAttributes(saved);
            }
        };
    }

    @Override
    public Path directory() {
        return Path.of("").toAbsolutePath();
    }

    @Override
    public void close() {
        try {
            terminal.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
