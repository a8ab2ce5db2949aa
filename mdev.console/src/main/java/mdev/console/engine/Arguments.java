package mdev.console.engine;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import mdev.api.shell.ShellCommand;
import mdev.api.shell.ShellCommand.Arity;
import mdev.api.shell.ShellCommand.Flag;
import mdev.api.shell.ShellCommand.Parameter;

/**
 * The arguments of one run, checked against the command's declaration.
 *
 * @param positional as many as the parameters allow
 * @param flags the switches given
 */
record Arguments(List<String> positional, Set<String> flags) {
    static final String HELP = "--help";
    static final String JSON = "--json";

    /** Describes an error in the arguments, in a few words. */
    static final class WrongArguments extends Exception {
        private static final long serialVersionUID = 1L;

        WrongArguments(String message) {
            super(message, null, false, false);
        }
    }

    Arguments {
        positional = List.copyOf(positional);
        flags = Set.copyOf(flags);
    }

    boolean help() {
        return flags.contains(HELP);
    }

    boolean json() {
        return flags.contains(JSON);
    }

    /**
     * A word that starts with a dash is a flag, except a single dash, a negative number, and words after {@code --}.
     */
    static Arguments parse(ShellCommand command, List<String> words) throws WrongArguments {
        List<String> positional = new ArrayList<>();
        Set<String> flags = new LinkedHashSet<>();
        boolean flagsEnded = false;
        for (String word : words) {
            if (flagsEnded || !isFlag(word)) {
                positional.add(word);
            } else if (word.equals("--")) {
                flagsEnded = true;
            } else if (knows(command, word)) {
                flags.add(word);
            } else {
                throw new WrongArguments("unknown flag '" + word + "'");
            }
        }
        Arguments arguments = new Arguments(positional, flags);
        if (!arguments.help()) {
            checkCount(command, positional);
        }
        return arguments;
    }

    static boolean isFlag(String word) {
        return word.length() > 1 && word.charAt(0) == '-' && !Character.isDigit(word.charAt(1));
    }

    private static boolean knows(ShellCommand command, String flag) {
        return flag.equals(HELP)
                || flag.equals(JSON)
                || command.flags().stream().map(Flag::name).anyMatch(flag::equals);
    }

    private static void checkCount(ShellCommand command, List<String> positional) throws WrongArguments {
        List<Parameter> parameters = command.parameters();
        int given = positional.size();
        int needed = (int) parameters.stream()
                .filter(parameter -> parameter.arity() != Arity.OPTIONAL)
                .count();
        if (given < needed) {
            throw new WrongArguments("missing " + parameters.get(given).name());
        }
        boolean open = !parameters.isEmpty() && parameters.getLast().arity() == Arity.MANY;
        if (!open && given > parameters.size()) {
            throw new WrongArguments("unexpected argument '" + positional.get(parameters.size()) + "'");
        }
    }
}
