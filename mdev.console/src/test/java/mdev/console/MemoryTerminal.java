package mdev.console;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Optional;
import mdev.console.shell.DemandInput;
import mdev.console.shell.UserTerminal;

/** A terminal in memory: provides the given input and records the output. */
public class MemoryTerminal implements UserTerminal {
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final ByteArrayOutputStream err = new ByteArrayOutputStream();
    private final DemandInput in = new DemandInput(() -> {});

    public MemoryTerminal() {
        this("");
    }

    public MemoryTerminal(String typed) {
        if (!typed.isEmpty()) {
            in.offer(typed.getBytes(StandardCharsets.UTF_8));
        }
        in.end();
    }

    /** A terminal without input so far. */
    public static MemoryTerminal silent() {
        MemoryTerminal terminal = new MemoryTerminal();
        terminal.in.reopen();
        return terminal;
    }

    /** Types, and ends the input. */
    public void type(String text) {
        in.offer(text.getBytes(StandardCharsets.UTF_8));
        in.end();
    }

    /** The text printed on standard output since the last call. */
    public String takeOut() {
        return take(out);
    }

    /** The text printed on standard error since the last call. */
    public String takeErr() {
        return take(err);
    }

    private static String take(ByteArrayOutputStream stream) {
        synchronized (stream) {
            String text = stream.toString(StandardCharsets.UTF_8);
            stream.reset();
            return text;
        }
    }

    @Override
    public Streams streams() {
        return new Streams(in, out, err);
    }

    @Override
    public Optional<Size> size() {
        return Optional.of(new Size(132, 43));
    }

    @Override
    public Path directory() {
        return Path.of("/somewhere");
    }
}
