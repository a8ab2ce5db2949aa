package mdev.core.shell;

import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import mdev.api.shell.ShellInvocation;

/** A run of a command without a terminal. */
public record TestInvocation(List<String> arguments, Set<String> flags, PrintStream out) implements ShellInvocation {
    public TestInvocation(List<String> arguments, Set<String> flags) {
        this(arguments, flags, new PrintStream(OutputStream.nullOutputStream(), false, StandardCharsets.UTF_8));
    }

    @Override
    public Output run(String line) {
        throw new UnsupportedOperationException();
    }

    @Override
    public boolean flag(String name) {
        return flags.contains(name);
    }

    @Override
    public InputStream in() {
        return InputStream.nullInputStream();
    }

    @Override
    public PrintStream err() {
        return out;
    }

    @Override
    public RawTerminal rawTerminal() {
        throw new UnsupportedOperationException();
    }

    @Override
    public Path directory() {
        return Path.of("");
    }

    @Override
    public Size size() {
        return new Size(80, 24);
    }
}
