package mdev.console.log;

import org.jspecify.annotations.Nullable;

/** The reason for a failure on one line: the innermost cause that has a message. */
public final class LastCause {
    private static final String CAUSED_BY = "Caused by: ";

    private LastCause() {}

    public static String of(Throwable thrown) {
        Throwable told = thrown;
        for (@Nullable Throwable at = thrown; at != null; at = at.getCause()) {
            told = at.getMessage() == null ? told : at;
        }
        return line(told.getClass().getName(), told.getMessage());
    }

    /** Takes the cause from a printed stack trace, the only form in which DS reports the failure of a component. */
    public static String ofTrace(String trace) {
        int cause = trace.lastIndexOf("\n" + CAUSED_BY);
        String last = cause < 0 ? trace : trace.substring(cause + 1 + CAUSED_BY.length());
        String[] words = last.split("\\R\\t(at |\\.\\.\\. )", 2)[0].split(": ", 2);
        return line(words[0].strip(), words.length == 1 ? null : words[1]);
    }

    /** Adds the name of the exception to a message of one word, such as a class name, which explains nothing alone. */
    private static String line(String exception, @Nullable String message) {
        String name = exception.substring(exception.lastIndexOf('.') + 1);
        if (message == null) {
            return name;
        }
        String line = message.strip().replaceAll("\\s*\\R\\s*", " ");
        return line.contains(" ") ? line : name + ": " + line;
    }
}
