package mdev.console.engine;

import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import mdev.api.shell.ShellCommand;
import mdev.api.shell.ShellCommand.Flag;

/** The help texts of a command. */
final class Usage {
    private Usage() {}

    /** {@code scope:name}. */
    static String name(ShellCommand command) {
        return command.scope() + ":" + command.name();
    }

    /** One line: the name, the flags, the parameters. */
    static String line(ShellCommand command) {
        Stream<String> flags = command.flags().stream().map(flag -> "[" + flag.name() + "]");
        Stream<String> parameters = command.parameters().stream().map(parameter -> switch (parameter.arity()) {
            case ONE -> "<" + parameter.name() + ">";
            case OPTIONAL -> "[" + parameter.name() + "]";
            case MANY -> "<" + parameter.name() + ">...";
        });
        return Stream.of(Stream.of(name(command)), flags, parameters)
                .flatMap(words -> words)
                .collect(Collectors.joining(" "));
    }

    /** The output of {@code --help}. */
    static String help(ShellCommand command) {
        List<Flag> flags = Stream.concat(
                        command.flags().stream(),
                        Stream.of(
                                new Flag(Arguments.JSON, "print the answer as JSON"),
                                new Flag(Arguments.HELP, "print this")))
                .toList();
        int width = flags.stream().mapToInt(flag -> flag.name().length()).max().orElse(0);
        StringBuilder text = new StringBuilder();
        text.append(name(command)).append(" - ").append(command.summary()).append('\n');
        text.append("usage: ").append(line(command)).append('\n');
        for (Flag flag : flags) {
            text.append("  ")
                    .append(flag.name())
                    .append(" ".repeat(width - flag.name().length()));
            text.append("  ").append(flag.summary()).append('\n');
        }
        return text.toString();
    }
}
