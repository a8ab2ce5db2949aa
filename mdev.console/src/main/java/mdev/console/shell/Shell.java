package mdev.console.shell;

import java.util.List;

/** Something that runs command lines: the engine of this platform, or one behind a control socket. */
public interface Shell extends AutoCloseable {
    /** Runs a line to its end, printing on the terminal that the shell was made for. One line at a time. */
    Outcome run(String line);

    /** Ctrl-C: interrupts the line being run, if one is. Any thread may call. */
    void interrupt();

    /**
     * What Tab offers.
     *
     * @param head the line up to the cursor
     * @return what the last word of {@code head} could be, in order
     */
    List<Completion> complete(String head);

    @Override
    void close();

    /**
     * How a line ended.
     *
     * @param status 0, or the status of the first part that failed: 1 refused, 2 wrong arguments, 127 no such command,
     *     130 interrupted
     * @param exit whether the line asked to leave the shell
     */
    record Outcome(int status, boolean exit) {
        public static final int FAILED = 1;
        public static final int USAGE = 2;
        public static final int NOT_FOUND = 127;
        public static final int INTERRUPTED = 130;
    }

    /**
     * A candidate of completion.
     *
     * @param value the whole word, unquoted
     * @param description one line; empty for none
     * @param open whether the word goes on after it, as a directory's does
     */
    record Completion(String value, String description, boolean open) {}
}
