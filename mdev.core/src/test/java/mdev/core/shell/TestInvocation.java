package mdev.core.shell;

import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import mdev.api.shell.ShellInvocation;

/** A run of a command without a terminal. */
record TestInvocation(List<String> arguments, PrintStream out) implements ShellInvocation {
    TestInvocation(List<String> arguments) {
        this(arguments, new PrintStream(OutputStream.nullOutputStream(), false, StandardCharsets.UTF_8));
    }

    @Override
    public Output run(String line) {
        throw new UnsupportedOperationException();
    }

    @Override
    public boolean flag(String name) {
        return false;
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
