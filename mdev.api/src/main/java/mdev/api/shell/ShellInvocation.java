package mdev.api.shell;

import java.io.InputStream;
import java.io.PrintStream;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.osgi.annotation.versioning.ProviderType;

/** One run of a command. */
@ProviderType
public interface ShellInvocation {
    /** The positional arguments: their number conforms to the command's parameters. */
    List<String> arguments();

    /** Whether the switch was given. */
    boolean flag(String name);

    /** Standard input; after {@link #rawTerminal}, each key as it is pressed. */
    InputStream in();

    /** Standard output, for commands that print while they run. */
    PrintStream out();

    /** Standard error, for warnings. */
    PrintStream err();

    /**
     * Prints a part of the result while the command runs: the text as it is, or, with {@code --json}, the fields as an
     * object on one line.
     *
     * @param text one or more lines, or nothing
     * @param fields as of {@link ShellResult.Details}
     */
    default void print(String text, Map<String, ? extends @Nullable Object> fields) {
        out().print(text);
        out().flush();
    }

    /**
     * Puts the user's terminal into raw mode until closed: no echo, no line editing, no signals, no line-ending
     * translation. Does nothing without a terminal.
     */
    RawTerminal rawTerminal();

    /** Width and height of the user's terminal in characters; 80 and 24 without one. */
    Size size();

    /** The base of relative file names: the user's working directory, which may differ from the platform's. */
    Path directory();

    /** Names the shell that runs the command, for the log. */
    default String requester() {
        return "a shell";
    }

    /**
     * Runs a command line in a shell of its own, without input and without a terminal. Interrupting the calling thread
     * is Ctrl-C for the line.
     */
    Output run(String line) throws InterruptedException;

    /**
     * What a line of {@link #run} printed.
     *
     * @param status 0, or that of the first command that failed
     */
    record Output(int status, String out, String err) {}

    /** See {@link #size()}. */
    record Size(int columns, int rows) {}

    /** See {@link #rawTerminal()}. */
    @ProviderType
    interface RawTerminal extends AutoCloseable {
        /** Whether there is a terminal. */
        boolean present();

        @Override
        void close();
    }
}
