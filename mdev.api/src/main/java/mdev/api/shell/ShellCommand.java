package mdev.api.shell;

import java.util.Collection;
import java.util.List;
import java.util.stream.Stream;
import mdev.api.errno.ErrnoException;
import org.osgi.annotation.versioning.ConsumerType;

/**
 * A shell command as data. The console parses and checks the arguments, completes them, prints help, renders the result
 * as text or JSON, and turns an exception into one line and a status.
 *
 * @param scope the part before the colon, for example {@code mdev}
 * @param name the part after the colon, for example {@code create}
 * @param summary the command's purpose, in one line
 * @param parameters the positional arguments, optional ones last
 * @param flags its switches; the console adds {@code --help} and, for commands that return data, {@code --json}
 * @param action the implementation
 */
public record ShellCommand(
        String scope, String name, String summary, List<Parameter> parameters, List<Flag> flags, Action action) {
    public ShellCommand {
        parameters = List.copyOf(parameters);
        flags = List.copyOf(flags);
    }

    /** A command without switches. */
    public static ShellCommand of(String scope, String name, String summary, Action action, Parameter... parameters) {
        return new ShellCommand(scope, name, summary, List.of(parameters), List.of(), action);
    }

    /** The command with one more switch. */
    public ShellCommand withFlag(String flag, String meaning) {
        List<Flag> more = Stream.concat(flags.stream(), Stream.of(new Flag(flag, meaning)))
                .toList();
        return new ShellCommand(scope, name, summary, parameters, more, action);
    }

    /** How often a positional argument may occur. */
    public enum Arity {
        ONE,
        OPTIONAL,
        MANY
    }

    /**
     * A positional argument.
     *
     * @param name for the usage line, for example {@code uuid}
     * @param arity how often it may occur
     * @param candidates completes it when Tab is pressed
     */
    public record Parameter(String name, Arity arity, Candidates candidates) {
        public static Parameter one(String name, Candidates candidates) {
            return new Parameter(name, Arity.ONE, candidates);
        }

        public static Parameter optional(String name, Candidates candidates) {
            return new Parameter(name, Arity.OPTIONAL, candidates);
        }

        public static Parameter many(String name, Candidates candidates) {
            return new Parameter(name, Arity.MANY, candidates);
        }
    }

    /**
     * A switch.
     *
     * @param name the switch with its dashes, for example {@code -f}
     * @param summary its effect
     */
    public record Flag(String name, String summary) {}

    /** The completions that Tab offers for an argument. */
    @ConsumerType
    @FunctionalInterface
    public interface Candidates {
        /** Offers nothing. */
        Candidates NONE = (words, prefix) -> List.of();

        /**
         * @param words the positional arguments before this one
         * @param prefix the typed beginning of this argument
         */
        Collection<String> candidates(List<String> words, String prefix);
    }

    /** The implementation of a command. */
    @ConsumerType
    @FunctionalInterface
    public interface Action {
        /**
         * Runs the command on a thread of the console; Ctrl-C interrupts the thread.
         *
         * @throws ErrnoException the command failed and changed nothing; the message is the line that the user reads
         */
        ShellResult run(ShellInvocation invocation) throws ErrnoException, InterruptedException;
    }
}
