package mdev.console.terminal;

import java.io.IOError;
import java.util.List;
import java.util.function.BooleanSupplier;
import mdev.console.shell.Shell;
import mdev.console.shell.Shell.Outcome;
import org.jline.reader.Candidate;
import org.jline.reader.Completer;
import org.jline.reader.EndOfFileException;
import org.jline.reader.LineReader;
import org.jline.reader.LineReaderBuilder;
import org.jline.reader.UserInterruptException;
import org.jline.terminal.Terminal.Signal;

/** Prompts, line editing, completion and history. The lines run in a {@link Shell}, local or behind a socket. */
public final class InteractiveShell {
    private static final String PROMPT = "mdev> ";
    private static final String BANNER = """
            The shell of mdev. To begin:
              mdev:modprobe vendor.mtty   loads a driver
              mdev:types                  lists the device types that the loaded drivers offer
              help                        lists all commands
            """;

    private final Shell shell;
    private final LineReader reader;
    private final BooleanSupplier ending;

    /** @param ending whether to abandon the line being edited: queried when its thread was interrupted */
    public InteractiveShell(Shell shell, JLineTerminal terminal, BooleanSupplier ending) {
        this.shell = shell;
        this.ending = ending;
        Completer completer =
                (reader, line, candidates) -> complete(line.line().substring(0, line.cursor()), candidates);
        LineReaderBuilder builder = LineReaderBuilder.builder()
                .terminal(terminal.jline())
                .appName("mdev")
                .parser(new LineParser())
                .completer(completer)
                .option(LineReader.Option.DISABLE_EVENT_EXPANSION, true)
                .option(LineReader.Option.AUTO_FRESH_LINE, true)
                .option(LineReader.Option.COMPLETE_MATCHER_TYPO, false)
                .option(LineReader.Option.COMPLETE_MATCHER_CAMELCASE, false)
                .option(LineReader.Option.HISTORY_IGNORE_SPACE, true)
                .option(LineReader.Option.HISTORY_TIMESTAMPED, false)
                .variable(LineReader.SECONDARY_PROMPT_PATTERN, "> ");
        History.file(System.getenv()).ifPresent(file -> builder.variable(LineReader.HISTORY_FILE, file));
        this.reader = builder.build();
        terminal.jline().handle(Signal.INT, signal -> shell.interrupt());
    }

    private void complete(String head, List<Candidate> candidates) {
        for (Shell.Completion completion : shell.complete(head)) {
            String value = completion.value();
            String description = completion.description().isEmpty() ? null : completion.description();
            candidates.add(new Candidate(value, value, null, description, null, null, !completion.open()));
        }
    }

    /**
     * Runs lines until one leaves the shell, the input ends, or the platform ends.
     *
     * @return the status to exit with
     */
    public int run() {
        reader.getTerminal().writer().print(BANNER);
        while (!ending.getAsBoolean()) {
            try {
                String line = reader.readLine(PROMPT);
                if (!line.isBlank()) {
                    Outcome outcome = shell.run(line);
                    if (outcome.exit()) {
                        return outcome.status();
                    }
                    if (outcome.status() == Outcome.INTERRUPTED) {
                        reader.getTerminal().writer().println();
                    }
                }
            } catch (UserInterruptException e) {
                // Ctrl-C while editing: discards the line.
            } catch (EndOfFileException e) {
                return 0;
            } catch (IOError e) {
                // The terminal was closed, or this thread was interrupted because the platform ends.
                return 0;
            }
        }
        return 0;
    }
}
