package vfio.mdev;

import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import mdev.api.errno.ErrnoException;
import mdev.api.shell.ShellCommand;
import mdev.api.shell.ShellInvocation;
import mdev.api.shell.ShellResult;

/** One run of a command, with its streams in memory. */
public record ShellRun(List<String> arguments, InputStream in, ByteArrayOutputStream output, boolean terminal)
        implements ShellInvocation {
    public static ShellRun with(InputStream in, boolean terminal, String... arguments) {
        return new ShellRun(List.of(arguments), in, new ByteArrayOutputStream(), terminal);
    }

    public static ShellRun of(String... arguments) {
        return with(InputStream.nullInputStream(), false, arguments);
    }

    /** Runs the command of that name. */
    public ShellResult perform(List<ShellCommand> commands, String name) throws ErrnoException, InterruptedException {
        ShellCommand command = commands.stream()
                .filter(each -> each.name().equals(name))
                .findFirst()
                .orElseThrow();
        return command.action().run(this);
    }

    /** The output so far. */
    public String text() {
        return output.toString(StandardCharsets.ISO_8859_1);
    }

    @Override
    public boolean flag(String name) {
        return false;
    }

    @Override
    public PrintStream out() {
        return new PrintStream(output, true, StandardCharsets.ISO_8859_1);
    }

    @Override
    public PrintStream err() {
        return out();
    }

    @Override
    public RawTerminal rawTerminal() {
        return new RawTerminal() {
            @Override
            public boolean present() {
                return terminal;
            }

            @Override
            public void close() {}
        };
    }

    @Override
    public Path directory() {
        return Path.of("");
    }

    @Override
    public Size size() {
        return new Size(80, 24);
    }

    @Override
    public Output run(String line) {
        throw new UnsupportedOperationException();
    }
}
