package mdev.console.engine;

import java.io.EOFException;
import java.io.FileNotFoundException;
import java.nio.file.NoSuchFileException;
import mdev.api.errno.ErrnoException;
import mdev.api.shell.UnknownNameException;
import mdev.console.log.LastCause;
import mdev.console.shell.Shell.Outcome;
import org.apache.felix.gogo.runtime.CommandNotFoundException;
import org.apache.felix.gogo.runtime.SyntaxError;
import org.jspecify.annotations.Nullable;

/** Converts failures to the line that the user sees. */
final class Failures {
    private Failures() {}

    /** The message of a refusal, with the errno's name unless the message contains it. */
    static String line(ErrnoException refusal) {
        String hint = refusal instanceof UnknownNameException unknown ? Spelling.hint(unknown) : "";
        String message = oneLine(refusal.getMessage() + hint);
        String name = refusal.errno().name();
        return message.contains(name) ? message : message + " (" + name + ")";
    }

    /** The message for an exception from Gogo itself or from one of Felix's commands. */
    static String line(Throwable thrown) {
        return switch (thrown) {
            case SyntaxError syntax -> "syntax error at column " + (syntax.column() + 1) + ": " + reason(syntax);
            case EOFException _ -> "syntax error: " + reason(thrown);
            case FileNotFoundException _ -> "no such file: " + reason(thrown);
            case NoSuchFileException _ -> "no such file: " + reason(thrown);
            case IllegalArgumentException wrong
            when reason(wrong).startsWith("Cannot coerce ") ->
                "wrong arguments: " + reason(wrong).replaceFirst("Cannot coerce (.*?) to any of .*", "$1");
            default -> reason(thrown);
        };
    }

    static int status(Throwable thrown) {
        return switch (thrown) {
            case InterruptedException _ -> Outcome.INTERRUPTED;
            case CommandNotFoundException _ -> Outcome.NOT_FOUND;
            case SyntaxError _ -> Outcome.USAGE;
            case EOFException _ -> Outcome.USAGE;
            case IllegalArgumentException _ -> Outcome.USAGE;
            default -> Outcome.FAILED;
        };
    }

    /** The message of the innermost cause that has one, on one line. */
    static String reason(Throwable thrown) {
        return PlainText.printable(LastCause.of(thrown));
    }

    private static String oneLine(@Nullable String message) {
        return message == null ? "" : PlainText.printable(message.strip().replaceAll("\\s*\\R\\s*", " "));
    }
}
