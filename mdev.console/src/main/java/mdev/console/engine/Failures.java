package mdev.console.engine;

import java.io.EOFException;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import mdev.api.errno.ErrnoException;
import mdev.api.shell.UnknownNameException;
import mdev.console.log.LastCause;
import mdev.console.shell.Shell.Outcome;
import org.apache.felix.gogo.runtime.CommandNotFoundException;
import org.apache.felix.gogo.runtime.SyntaxError;
import org.jspecify.annotations.Nullable;

/** Converts failures to the line that the user sees. */
final class Failures {
    private static final Pattern WRONG_ARGUMENTS = Pattern.compile("Cannot coerce (\\S+?)\\(.*?\\) to any of (.*)");
    private static final Pattern GOGO = Pattern.compile("gogo: (\\w+): (.*)\n", Pattern.DOTALL);

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
            case SyntaxError syntax ->
                "syntax error at column " + (syntax.column() + 1) + ": "
                        + reason(syntax)
                                .replaceFirst("unexpected EOT$", "the line ends before a closing bracket")
                                .replaceFirst("unexpected (EOT|eof)( found)?", "the line ends");
            case EOFException _ -> "syntax error: " + reason(thrown);
            case FileNotFoundException _ -> "no such file: " + reason(thrown);
            case NoSuchFileException file -> "no such file or directory: " + PlainText.printable(file.getFile());
            case AccessDeniedException file -> "no permission: " + PlainText.printable(file.getFile());
            case FileSystemException file
            when file.getReason() != null -> PlainText.printable(file.getFile() + ": " + file.getReason());
            default -> reword(reason(thrown));
        };
    }

    /** Gogo's message when no method of a command that is a plain object takes the arguments. */
    private static String reword(String message) {
        Matcher wrong = WRONG_ARGUMENTS.matcher(message);
        if (!wrong.matches()) {
            return message;
        }
        if (wrong.group(2).equals("[]")) {
            return "no method '" + wrong.group(1) + "'";
        }
        String or = wrong.group(2).contains("Bundle") ? ", or no such bundle" : "";
        return "wrong arguments for '%s'%s; 'help %1$s' explains it".formatted(wrong.group(1), or);
    }

    /**
     * Standard error for a Gogo session: an exception that ends a command within a pipe is printed there by Gogo, by
     * the name of its class, and nowhere else.
     *
     * @param failed called for each
     */
    static OutputStream reworded(OutputStream err, Runnable failed) {
        return new OutputStream() {
            @Override
            public void write(int b) throws IOException {
                err.write(b);
            }

            @Override
            public void write(byte[] bytes, int offset, int length) throws IOException {
                Matcher thrown = GOGO.matcher(new String(bytes, offset, length, StandardCharsets.UTF_8));
                if (thrown.matches()) {
                    failed.run();
                    String message = thrown.group(2).equals("null") ? thrown.group(1) : thrown.group(2);
                    err.write(
                            ("mdev: " + reword(PlainText.printable(message)) + "\n").getBytes(StandardCharsets.UTF_8));
                } else {
                    err.write(bytes, offset, length);
                }
            }

            @Override
            public void flush() throws IOException {
                err.flush();
            }
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
