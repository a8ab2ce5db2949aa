package mdev.console.terminal;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Whether a standard stream is a terminal: isatty(3) as far as {@code /proc} shows it. {@code System.console()} would
 * cost a tenth of a second.
 */
public enum Tty {
    STDIN(0),
    STDOUT(1),
    STDERR(2);

    private final int fd;

    Tty(int fd) {
        this.fd = fd;
    }

    public boolean isTerminal() {
        try {
            String target =
                    Files.readSymbolicLink(Path.of("/proc/self/fd/" + fd)).toString();
            return target.matches("/dev/(pts/\\d+|tty\\w*|console|hvc\\d+)");
        } catch (IOException e) {
            return false;
        }
    }

    /** Whether the process is interactive: input and output are both terminals. */
    public static boolean interactive() {
        return STDIN.isTerminal() && STDOUT.isTerminal();
    }
}
