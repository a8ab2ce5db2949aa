package mdev.console.terminal;

import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Optional;
import mdev.console.shell.UserTerminal;
import org.jline.terminal.Attributes;
import org.jline.terminal.Terminal;
import org.jline.terminal.TerminalBuilder;
import org.jspecify.annotations.Nullable;

/**
 * The terminal of the process. Commands write directly to the file descriptors, so no output waits in a buffer for a
 * flush, and a redirected error stream stays redirected.
 */
public final class JLineTerminal implements UserTerminal, AutoCloseable {
    private final Terminal terminal;
    private final Streams streams;

    /** The default size, for a terminal that does not know its own: a new pseudo terminal or a serial line. */
    JLineTerminal(Terminal terminal) {
        this.terminal = terminal;
        this.streams = new Streams(
                terminal.input(), new FileOutputStream(FileDescriptor.out), new FileOutputStream(FileDescriptor.err));
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
     * JLine queries the capabilities of a terminal, and takes an answer that arrives after 200 ms, as on a slow line,
     * for typed input. It sends no query to a terminal of this type.
     */
    private static @Nullable String environment(String name) {
        return name.equals("TERM_PROGRAM") ? "Apple_Terminal" : System.getenv(name);
    }

    public Terminal jline() {
        return terminal;
    }

    @Override
    public Streams streams() {
        return streams;
    }

    @Override
    public Optional<Size> size() {
        return Optional.of(new Size(terminal.getColumns(), terminal.getRows()));
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
        return () -> terminal.setAttributes(saved);
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
