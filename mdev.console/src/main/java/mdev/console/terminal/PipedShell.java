package mdev.console.terminal;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InterruptedIOException;
import java.nio.charset.StandardCharsets;
import java.util.function.BooleanSupplier;
import mdev.console.shell.Shell;
import mdev.console.shell.Shell.Outcome;
import org.jspecify.annotations.Nullable;

/** Runs lines from an input other than a terminal: no prompt, no banner. */
public final class PipedShell {
    private final Shell shell;
    private final InputStream in;
    private final BooleanSupplier ending;

    /** @param in shared with the commands, so never read beyond the end of the current line */
    public PipedShell(Shell shell, InputStream in, BooleanSupplier ending) {
        this.shell = shell;
        this.in = in;
        this.ending = ending;
    }

    /** @return the status of the last line, or the exit status that a line requested */
    public int run() throws IOException {
        int status = 0;
        try {
            for (String line = readLine(); line != null && !ending.getAsBoolean(); line = readLine()) {
                if (line.isBlank()) {
                    continue;
                }
                Outcome outcome = shell.run(line);
                status = outcome.status();
                if (outcome.exit()) {
                    return status;
                }
            }
        } catch (InterruptedIOException e) {
            return Outcome.INTERRUPTED;
        }
        return status;
    }

    private @Nullable String readLine() throws IOException {
        ByteArrayOutputStream line = new ByteArrayOutputStream();
        int c = in.read();
        if (c < 0) {
            return null;
        }
        while (c >= 0 && c != '\n') {
            line.write(c);
            c = in.read();
        }
        return line.toString(StandardCharsets.UTF_8);
    }
}
