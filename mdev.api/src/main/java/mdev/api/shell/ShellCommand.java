package mdev.api.shell;

import java.util.Collection;
import java.util.List;
import mdev.api.errno.ErrnoException;
import org.osgi.annotation.versioning.ConsumerType;

/**
 * A shell command as data. The console parses and checks the arguments, completes them, prints help, renders the
 * result as text or JSON, and turns an exception into one line and a status.
 *
 * @param scope what stands before the colon, for example {@code mdev}
 * @param name what stands behind it, for example {@code create}
 * @param summary what it does, in one line
 * @param parameters the positional arguments, optional ones last
 * @param flags its switches; {@code --help} and, on commands that return data, {@code --json} are the console's
 * @param action what it does
 */
public record ShellCommand(
        String scope, String name, String summary, List<Parameter> parameters, List<Flag> flags, Action action) {
    public ShellCommand {
        parameters = List.copyOf(parameters);
        flags = List.copyOf(flags);
    }

    /** How often a positional argument may stand. */
    public enum Arity {
        ONE,
        OPTIONAL,
        MANY
    }

    /**
     * A positional argument.
     *
     * @param name for the usage line, for example {@code uuid}
     * @param arity how often
     * @param candidates what Tab offers
     */
    public record Parameter(String name, Arity arity, Candidates candidates) {
        public static Parameter one(String name, Candidates candidates) {
            return new Parameter(name, Arity.ONE, candidates);
        }

        public static Parameter optional(String name, Candidates candidates) {
            return new Parameter(name, Arity.OPTIONAL, candidates);
        }
    }

    /**
     * A switch.
     *
     * @param name with its dashes, for example {@code -f}
     * @param summary what it changes
     */
    public record Flag(String name, String summary) {}

    /** What Tab offers for an argument. */
    @ConsumerType
    @FunctionalInterface
    public interface Candidates {
        /** Offers nothing. */
        Candidates NONE = (words, prefix) -> List.of();

        /**
         * @param words the positional arguments before this one
         * @param prefix what is typed of this one
         */
        Collection<String> candidates(List<String> words, String prefix);
    }

    /** What a command does. */
    @ConsumerType
    @FunctionalInterface
    public interface Action {
        /**
         * Runs the command on a thread of the console; interrupting the thread is Ctrl-C.
         *
         * @throws ErrnoException the command failed and changed nothing; the message is the line that the user sees
         */
        ShellResult run(ShellInvocation invocation) throws ErrnoException, InterruptedException;
    }
}
