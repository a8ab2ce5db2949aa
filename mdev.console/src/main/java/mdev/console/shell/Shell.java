package mdev.console.shell;

import java.util.List;

/** Runs command lines: in the engine of this platform, or behind a control socket. */
public interface Shell extends AutoCloseable {
    /** Runs a line to its end, with output on the terminal that the shell was created for. One line at a time. */
    Outcome run(String line);

    /** Interrupts the running line, if any, as Ctrl-C does. Any thread may call. */
    void interrupt();

    /**
     * The completions offered on Tab.
     *
     * @param head the line up to the cursor
     * @return the candidates for the last word of {@code head}, in order
     */
    List<Completion> complete(String head);

    @Override
    void close();

    /**
     * The outcome of a line.
     *
     * @param status 0, or the status of the first part that failed: 1 refused, 2 wrong arguments, 127 no such command,
     *     130 interrupted
     * @param exit whether the line requested to leave the shell
     */
    record Outcome(int status, boolean exit) {
        public static final int FAILED = 1;
        public static final int USAGE = 2;
        public static final int NOT_FOUND = 127;
        public static final int INTERRUPTED = 130;
    }

    /**
     * A completion candidate.
     *
     * @param value the whole word, unquoted
     * @param description one line; empty for none
     * @param open whether the word continues after the value, as after a directory
     */
    record Completion(String value, String description, boolean open) {}
}
