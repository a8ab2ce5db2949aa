package mdev.console.engine;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.stream.Stream;
import mdev.api.shell.ShellCommand;
import mdev.api.shell.ShellCommand.Flag;
import mdev.api.shell.ShellCommand.Parameter;
import mdev.console.shell.Shell.Completion;
import mdev.console.shell.Words;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Completes on Tab: commands, their flags, and the candidates of each parameter. */
final class Completer {
    private static final Logger LOG = LoggerFactory.getLogger(Completer.class);
    /** The most candidates offered: more than a user reads, and few enough for one frame of the control socket. */
    private static final int LIMIT = 5000;

    private final Catalogue commands;

    Completer(Catalogue commands) {
        this.commands = commands;
    }

    List<Completion> complete(String head) {
        Words words = Words.of(head);
        Stream<Completion> offered = words.before().isEmpty()
                ? names(words.current())
                : commands.find(words.before().getFirst()).stream()
                        .flatMap(command -> arguments(
                                command,
                                words.before().subList(1, words.before().size()),
                                words.current()));
        return offered.filter(completion -> completion.value().startsWith(words.current()))
                .filter(completion -> completion.value().chars().noneMatch(Character::isISOControl))
                .limit(LIMIT)
                .toList();
    }

    /**
     * Commands with their scopes, and also without once a word is started. Commands of console and felix appear under
     * their bare names only.
     */
    private Stream<Completion> names(String prefix) {
        return commands.all().stream().flatMap(command -> {
            boolean bare = command.scope().equals("console") || command.scope().equals("felix");
            Completion name = new Completion(command.name(), command.summary(), false);
            Completion scoped = new Completion(Usage.name(command), command.summary(), false);
            if (prefix.indexOf(':') >= 0) {
                return Stream.of(scoped);
            }
            return bare ? Stream.of(name) : prefix.isEmpty() ? Stream.of(scoped) : Stream.of(name, scoped);
        });
    }

    private static Stream<Completion> arguments(ShellCommand command, List<String> before, String prefix) {
        List<String> positional = new ArrayList<>(before);
        boolean flagsEnded = positional.contains("--");
        positional.removeIf(word -> Arguments.isFlag(word));
        if (prefix.startsWith("-") && !flagsEnded) {
            return Stream.concat(
                            command.flags().stream(),
                            Stream.of(
                                    new Flag(Arguments.HELP, "explain the command"),
                                    new Flag(Arguments.JSON, "print the answer as JSON")))
                    .filter(flag -> !before.contains(flag.name()))
                    .map(flag -> new Completion(flag.name(), flag.summary(), false));
        }
        List<Parameter> parameters = command.parameters();
        if (parameters.isEmpty()) {
            return Stream.empty();
        }
        int index = Math.min(positional.size(), parameters.size() - 1);
        Parameter parameter = parameters.get(index);
        if (positional.size() > index && parameter.arity() != ShellCommand.Arity.MANY) {
            return Stream.empty();
        }
        return candidates(parameter, positional, prefix).stream().map(Completer::completion);
    }

    private static Collection<String> candidates(Parameter parameter, List<String> positional, String prefix) {
        try {
            return parameter.candidates().candidates(List.copyOf(positional), prefix);
        } catch (RuntimeException e) {
            LOG.warn("no candidates for {}", parameter.name(), e);
            return List.of();
        }
    }

    /** Keeps the word open after a directory or a scheme. */
    private static Completion completion(String candidate) {
        return new Completion(candidate, "", candidate.endsWith("/") || candidate.endsWith(":"));
    }
}
